"""All figures, or those that are named: `python -m tests.benchmarks [acknowledgements|engines|first_step|forms|startup|submissions]`.

Run it alone on the machine: ratios of one run can be compared, milliseconds of two cannot.
"""

import sys

from tests.benchmarks import acknowledgements, engines, first_step, forms, startup, submissions

ALL = {
    "startup": startup.main,
    "forms": forms.main,
    "submissions": submissions.main,
    "first_step": first_step.main,
    "acknowledgements": acknowledgements.main,
    "engines": engines.main,
}


def main(names: list[str]) -> None:
    """Print them."""
    for name in names or ALL:
        if name not in ALL:
            sys.exit(f"There is no benchmark called {name}. There is: {', '.join(ALL)}.")
        ALL[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
