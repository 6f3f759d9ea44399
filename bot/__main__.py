"""`python -m bot`, and `frontdesk` where it is installed."""

import gc

from bot import cli


def main() -> None:
    """The command line."""
    gc.set_threshold(10_000)  # a fifth of every start was a search for garbage among what is being loaded
    cli.main()


if __name__ == "__main__":
    main()
