"""How long the first page of a form takes to render, what is never seen before; and a search in 10,000 choices.

The forms that other people wrote stand in ../shared/schemas beside the repository; without them, generated ones only.
"""

import copy
from statistics import median
from typing import Any

from bot.contract import fields, problems
from bot.slack.about import About
from bot.slack.choices import suggested
from bot.slack.entries import Draft
from bot.slack.pages import Sheet
from tests.benchmarks import figures
from tests.unit.test_pages import documents, spec

ROUNDS = 5
SIZES = (200, 800, 3200)


def main(rounds: int = ROUNDS) -> None:
    """Print the figures."""
    problems({"type": "string"}, "")  # the validator's library is imported once, not for each form
    figures.title(f"Forms: the first page of a contract that was never seen, medians of {rounds} rounds")
    taken = {path.name: schema for path in documents() if (schema := spec(path)) is not None}
    if taken:
        each = {name: median(_first_page(schema) for _ in range(rounds)) for name, schema in taken.items()}
        slowest = max(each, key=lambda name: each[name])
        figures.at_most(f"the median of {len(each)} documents", median(each.values()), 5, "ms")
        figures.at_most(f"the slowest, {slowest[:40]}", each[slowest], 50, "ms")
    generated = {size: median(_first_page(_generated(size)) for _ in range(rounds)) for size in SIZES}
    for size, took in generated.items():
        figures.told(f"{size:,} fields in sections of 40", f"{took:.1f} ms, {took / size * 1000:.1f} µs a field")
    growth = generated[SIZES[-1]] / generated[SIZES[0]]
    figures.at_most("growth over the growth in fields", growth / (SIZES[-1] / SIZES[0]), 1.2, "times")
    choices = fields({"properties": {"it": {"enum": [f"database {at}" for at in range(10_000)]}}})[0]
    found = median(figures.milliseconds(lambda: suggested(choices, "99")) for _ in range(rounds))
    figures.at_most("a search in 10,000 choices", found, 50, "ms")


def _first_page(schema: dict[str, Any]) -> float:
    schema = copy.deepcopy(schema)
    draft = Draft()

    def render() -> None:
        Sheet(draft.open(schema), About("it", "v1"), "It", "form", "Request", draft).view()

    return figures.milliseconds(render)


def _generated(size: int) -> dict[str, Any]:
    section = {"type": "object", "properties": {f"f{at}": {"type": "string", "default": "x"} for at in range(40)}}
    return {"type": "object", "properties": {f"s{at}": section for at in range(size // 40)}}


if __name__ == "__main__":
    main()
