"""Runs due steps, tells resources how their requests go on, and goes on with what stood still.

running    claim, build, store, apply
building   authors' code: what a step asks for, what a request leads to
recording  how it went, and the step to go on with
seen       a stored request as a step sees it
retrying   what an error means
following  how a request went on, for the resources that it made
opening    secrets, in the moment of the call
"""

from bot.engine.retrying import LONGEST_OUTAGE, MOST_BUGS, MOST_CRASHES, MOST_LOOKS, backoff, surely
from bot.engine.running import Engine
from bot.engine.seen import keep_promise, request_of

__all__ = [
    "LONGEST_OUTAGE",
    "MOST_BUGS",
    "MOST_CRASHES",
    "MOST_LOOKS",
    "Engine",
    "backoff",
    "keep_promise",
    "request_of",
    "surely",
]
