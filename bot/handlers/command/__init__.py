"""`command.Run`: a program on the worker's machine, for what is a script already.

    exit code 0    done; the last line of its output that is a JSON object becomes outputs
    exit code 75   not now (EX_TEMPFAIL of sysexits.h): tried again
    anything else  failed, with the last lines of its errors

It may run several times, always with the same `FRONTDESK_KEY` in its environment: it has to do its work once. It and all
that it starts end with the step: when the request is cancelled, when the lease is gone, when the worker is killed.
"""

from bot.handlers.command.resource import Run
from bot.handlers.command.runner import RunHandler

__all__ = ["Run", "RunHandler"]
