"""A worker whose one step only waits: `python -m tests.benchmarks.sleeper URL SECONDS LEASE THREADS`; until it is killed."""

import sys
import threading
import time
from datetime import timedelta

from typing_extensions import override

from bot import Form, Offering, Request
from bot.catalogue import Catalogue
from bot.engine import Engine
from bot.handler import Answer, Context, Done, Handler, Resource
from bot.store.database import Database
from bot.worker import Worker


class Nothing(Form):
    """No question."""


class Wait(Resource):
    """Time that passes."""


class WaitHandler(Handler[Wait]):
    """Waits as long as it is told to."""

    name = "wait"
    resource = Wait
    seconds = 0.0

    @override
    def apply(self, resource: Wait, context: Context) -> Answer:
        time.sleep(self.seconds)
        return Done()

    @override
    def delete(self, resource: Wait, context: Context) -> Answer:
        return Done()


waiting = Offering("waiting", Nothing, owner="grace@example.com", notify="#data-platform")


@waiting.step
def wait(request: Request[Nothing]) -> Wait:
    """Wait."""
    return Wait()


def catalogue(seconds: float = 0) -> Catalogue:
    """One offering, whose one step takes so long."""
    handler = WaitHandler({})
    handler.seconds = seconds
    return Catalogue({"waiting": {"v1": waiting}}, {"wait": handler}, {Wait: handler})


def main(url: str, seconds: float, lease: float, threads: int) -> None:
    """Say so once it works."""
    database = Database(url)
    owner = f"sleeper {time.monotonic_ns()}"
    engine = Engine(database, catalogue(seconds), owner=owner, secret=str, lease=timedelta(seconds=lease))
    Worker(database, engine, None, threads=threads, senders=1).start()
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
