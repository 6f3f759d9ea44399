"""The public JSON-Schema-Test-Suite as a judge of our validator, for the keywords that we claim."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import contract

SUITE = Path(__file__).parents[3] / "shared" / "schemas" / "json-schema-test-suite" / "tests"
DRAFTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
}
#: What we do not claim, and why. Nothing else may disagree.
LEFT_OUT_FILES = {
    "refRemote": "references are never fetched",
    "dynamicRef": "some of its groups fetch",
    "vocabulary": "metaschemas of one's own",
    "format": "a format is asserted here, where the suite takes it as a note",
    "boolean_schema": "a contract is an object, never true or false",
}
LEFT_OUT_GROUPS = {
    "pattern with Unicode property escape requires unicode mode": "Python's patterns have no \\p{...}; check says so",
}


def cases() -> Iterator[Any]:
    for draft, dialect in DRAFTS.items():
        for path in sorted((SUITE / draft).glob("*.json")):
            if path.stem not in LEFT_OUT_FILES:
                for group in json.loads(path.read_text(encoding="utf-8")):
                    if isinstance(group["schema"], dict) and group["description"] not in LEFT_OUT_GROUPS:
                        yield pytest.param(dialect, group, id=f"{draft}/{path.stem}: {group['description']}")


def strict(value: Any) -> bool:
    """Whether we read the value more strictly than JSON Schema does: 1.0 is no whole number to us."""
    if isinstance(value, dict):
        return any(map(strict, value.values()))
    if isinstance(value, list):
        return any(map(strict, value))
    return isinstance(value, float) and value.is_integer()


@pytest.mark.skipif(not SUITE.is_dir(), reason="no ../shared/schemas/json-schema-test-suite beside the checkout")
@pytest.mark.parametrize(("dialect", "group"), list(cases()))
def test_our_validator_agrees_with_the_public_suite(dialect: str, group: dict[str, Any]) -> None:
    schema = {"$schema": dialect, **group["schema"]}
    disagreed = [
        f"{test['description']}: {test['data']!r} is {'valid' if test['valid'] else 'invalid'}"
        for test in group["tests"]
        if not strict(test["data"]) and (contract.problems(schema, test["data"]) == []) != test["valid"]
    ]
    assert disagreed == []
