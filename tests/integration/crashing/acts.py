"""Acts of one person each, which stories are made of. Who was cut off acts again, and may find that it has been done."""

from collections.abc import Callable
from typing import Any

from bot.errors import Conflict
from bot.news import Newsroom
from tests.integration.crashing.world import Life

Act = Callable[[Life], object]


def acting(handle: str, what: str, *given: Any, **named: Any) -> Act:
    """One use case, as somebody."""

    def act(life: Life) -> None:
        try:
            getattr(life.process.service, what)(life.who(handle), *given, **named)
        except Conflict:
            if not life.deaths:
                raise

    return act


def ask(offering: str, answers: dict[str, Any]) -> Act:
    return acting("ada", "submit", offering, answers, key=f"one {offering}")


def wait(**by: float) -> Act:
    return lambda life: life.clock.forward(**by)


def look(life: Life) -> None:
    """Whoever looks first may die; the next one looks once the time of that one is over."""
    life.clock.forward(minutes=6)
    newsroom = Newsroom(life.process.database, life.process.catalogue)
    while newsroom.turn():
        pass


def sweep(life: Life) -> None:
    """What a worker's timers do every minute."""
    life.process.service.sweep()
    life.process.service.look_around()
    life.process.worker.engine.sweep()
