"""How figures are taken and told: medians of rounds in which both sides take turns, as ratios against a named floor."""

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median


def milliseconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    call()
    took = time.perf_counter() - begin
    gc.enable()
    return took * 1000


def in_turn(rounds: int, sides: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each side's figure of each round. Who begins changes, so that nobody is always behind the other's leftovers."""
    figures: dict[str, list[float]] = {name: [] for name in sides}
    names = list(sides)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            figures[name].append(sides[name]())
    return figures


def ratio(figures: Mapping[str, list[float]], side: str, floor: str) -> float:
    """The median of one side over the median of the other."""
    return median(figures[side]) / median(figures[floor])


def title(text: str) -> None:
    """What the lines that follow are about."""
    print(f"\n{text}")  # noqa: T201 - this is what it is for


def told(what: str, figure: str, bar: str = "", *, met: bool | None = None) -> None:
    """One line; `bar` is the issue's."""
    verdict = {True: "met", False: "MISSED", None: ""}[met]
    print(f"  {what:<62} {figure:>24}   {bar} {verdict}".rstrip(), flush=True)  # noqa: T201 - the same


def at_most(what: str, figure: float, bar: float, unit: str, detail: str = "") -> None:
    """A line with a bar that is a ceiling."""
    told(what, f"{figure:.2f} {unit}", f"{detail}bar: at most {bar:g} {unit};".replace(" ;", ";"), met=figure <= bar)


def at_least(what: str, figure: float, bar: float, unit: str) -> None:
    """A line with a bar that is a floor."""
    told(what, f"{figure:.2f} {unit}", f"bar: at least {bar:g} {unit};", met=figure >= bar)


def spread(figures: list[float]) -> str:
    """Median, and the least and the largest, in milliseconds."""
    return f"{median(figures):.1f} ms ({min(figures):.1f} to {max(figures):.1f})"
