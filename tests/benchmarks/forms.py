"""What a modal costs: the first page of contracts that other people wrote, and checking an answer.

A page is timed as it is the first time (a fresh copy of the schema, nothing remembered) and as it is from then on. An
answer is checked against the bare validator of jsonschema over the same schema.
"""

import copy
from pathlib import Path
from statistics import median
from typing import Any

from jsonschema import Draft202012Validator

from bot import contract
from bot.imports import files
from bot.slack.forms.about import About
from bot.slack.forms.choices import suggested
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet
from tests.benchmarks import figures

SCHEMAS = Path(__file__).parents[3] / "shared" / "schemas"
ROUNDS = 15
_ANSWERS = {f"field{number}": number for number in range(30)}


def main() -> None:
    """Print the figures."""
    figures.title("The first page of a form")
    documents = _documents()
    if documents:
        _pages(documents)
    else:
        figures.told("documents of others", "no ../shared/schemas here")
    _growth()
    _searching()
    figures.title("Checking an answer of 30 fields")
    _checking()


def _documents() -> list[dict[str, Any]]:
    kinds = ("kratix", "backstage", "crossplane")
    paths = [path for kind in kinds for path in sorted((SCHEMAS / kind).glob("*.y*ml"))]
    return [files.load(path).schema for path in paths]


def _pages(documents: list[dict[str, Any]]) -> None:
    first, later, fields = {}, {}, {}
    for number, schema in enumerate(documents):
        first[number] = median(figures.milliseconds(_page(copy.deepcopy(schema))) for _ in range(5))
        page = _page(schema)
        page()
        later[number] = median(figures.milliseconds(page) for _ in range(5))
        fields[number] = len(contract.fields(schema))
    largest = max(fields, key=lambda number: fields[number])
    for name, taken in (("opened for the first time", first), ("opened again", later)):
        figures.at_most(f"median of {len(documents)} documents, {name}", median(taken.values()), 5, "ms")
        figures.at_most(f"largest, {fields[largest]} questions, {name}", taken[largest], 50, "ms")


def _growth() -> None:
    taken = figures.in_turn(
        ROUNDS,
        {
            str(size): lambda size=size: figures.milliseconds(_page(_flat(size)))  # type: ignore[misc]
            for size in (350, 700, 1400)
        },
    )
    for small, large in (("350", "700"), ("700", "1400")):
        figures.at_most(f"{large} fields over {small} (linear: 2)", figures.ratio(taken, large, small), 2.2, "times")


def _searching() -> None:
    question = contract.fields({"properties": {"it": {"enum": [f"database {at}" for at in range(10_000)]}}})[0]
    taken = [figures.milliseconds(lambda: suggested(question, "99")) for _ in range(ROUNDS)]
    figures.at_most("a search in 10,000 choices", median(taken), 50, "ms")


def _checking() -> None:
    schema = _flat(30)
    bare = Draft202012Validator(schema)
    contract.problems(schema, _ANSWERS)
    taken = figures.in_turn(
        ROUNDS,
        {
            "bare validator": lambda: figures.milliseconds(
                lambda: [list(bare.iter_errors(_ANSWERS)) for _ in range(50)]
            ),
            "ours": lambda: figures.milliseconds(lambda: [contract.problems(schema, _ANSWERS) for _ in range(50)]),
        },
    )
    figures.at_most(
        "our check over jsonschema's bare validator", figures.ratio(taken, "ours", "bare validator"), 2, "times"
    )


def _page(schema: dict[str, Any]) -> Any:
    return lambda: Sheet(Filled(schema), About(), "Form", "form", "Request", Draft()).view()


def _flat(size: int) -> dict[str, Any]:
    fields = {f"field{number}": {"type": "integer", "minimum": 0, "description": "A number"} for number in range(size)}
    return {"type": "object", "properties": fields, "additionalProperties": False}
