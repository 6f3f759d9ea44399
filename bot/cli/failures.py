"""How a command ends when it does not do what it was asked. Scripts use these exit codes."""

from collections.abc import Sequence

REFUSED, USAGE, NOT_FOUND, SIGNED_OUT, UNREACHABLE = 1, 2, 3, 4, 5

EPILOG = """\b
Exit codes:
  0  done
  1  refused: the answers are wrong, somebody else has to do it, or it has moved on
  2  the command line is wrong
  3  not found, or not yours to see
  4  not signed in: FRONTDESK_TOKEN is missing, wrong or revoked
  5  the server cannot be reached, or cannot answer now

\b
Environment:
  FRONTDESK_URL    where the server is (default http://127.0.0.1:3000)
  FRONTDESK_TOKEN  who you are: frontdesk token create PERSON prints one
"""


class Failure(Exception):
    """The end of a command: `lines` are for standard error, one for each field that is wrong."""

    def __init__(self, code: int, text: str, lines: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.code, self.lines = code, (text, *lines)
