"""All figures, or those that are named: `python -m tests.benchmarks [NAME ...]`.

    startup           until requests are taken, memory, and --help
    forms             a window in Slack
    submissions       against bare commits
    first_step        from a submission to its first step
    acknowledgements  of commands, submissions and clicks
    idle              what a process takes that has nothing to do
    workers           take-over of a killed one, and four of them against one
    engines           against DBOS and procrastinate

Run it alone on the machine: ratios of one run can be compared, milliseconds of two cannot.
"""

import sys

from tests.benchmarks import acknowledgements, engines, first_step, forms, idle, startup, submissions, workers

ALL = {
    "startup": startup.main,
    "forms": forms.main,
    "submissions": submissions.main,
    "first_step": first_step.main,
    "acknowledgements": acknowledgements.main,
    "idle": idle.main,
    "workers": workers.main,
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
