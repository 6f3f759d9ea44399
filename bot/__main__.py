"""`python -m bot`, and `frontdesk` where it is installed."""

from bot import cli


def main() -> None:
    """The command line."""
    cli.main()


if __name__ == "__main__":
    main()
