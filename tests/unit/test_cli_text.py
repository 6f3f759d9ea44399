"""What the command line makes of values: times, answers on one line, options from a contract."""

from pathlib import Path
from typing import Any

import pytest

from bot.cli import answers, output, views
from bot.cli.client import line
from bot.cli.failures import REFUSED, USAGE, Failure

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "100% yours"},
        "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "group": {"type": "string", "format": "group"},
        "public": {"type": "boolean"},
        "wait": {"type": "string"},
        "help": {"type": "string"},
        "network": {
            "type": "object",
            "properties": {"cidr": {"type": "string"}, "ports": {"type": "array", "items": {"type": "integer"}}},
            "required": ["cidr"],
        },
    },
    "required": ["name"],
}
OWN = {"wait": "Until it has ended.", "json": "For machines."}


def read(*tail: str) -> tuple[Any, Any]:
    given = answers.read(SCHEMA, tail, OWN, prog="frontdesk request thing")
    return answers.typed(SCHEMA, given, lambda _name, _content: {}), given.own


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (86_400, "24 h"),
        (172_800, "2 d"),
    ],
)
def test_a_duration_is_said_in_its_largest_fitting_unit(seconds: float | None, text: str) -> None:
    assert views.duration(seconds) == text


def test_answers_are_flat_names_and_texts() -> None:
    nested = {"name": "a", "empty": None, "network": {"ports": [1, 2], "cidr": "x"}, "public": True}
    pairs = [("name", "a"), ("network.ports", "[1, 2]"), ("network.cidr", "x"), ("public", "true")]
    assert output.flat(nested) == pairs


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert output.clean("a\x1b]0;title\x07\x9b1mb\n\tc") == "a\ufffd]0;title\ufffd\ufffd1mb\n\tc"


def test_a_problem_is_told_by_its_option() -> None:
    assert line("/network/cidr", "Required.") == "  --network.cidr: Required."
    assert line("/form", "Required.") == "  --form: Required."
    assert line("/a~1b", "Required.") == "  --a/b: Required."
    assert line("", "Wrong.") == "  Wrong."


def test_options_are_typed_by_the_contract() -> None:
    form, _ = read("--name", "x", "--count=-5", "--network.cidr", "10/8", "--network.ports", "1,2", "--group", "@dba")
    assert form == {"name": "x", "count": -5, "network": {"cidr": "10/8", "ports": [1, 2]}, "group": "@dba"}


def test_an_option_that_comes_again_makes_a_list_or_replaces() -> None:
    assert read("--name", "x", "--name", "y", "--tags", "a", "--tags", "b")[0] == {"name": "y", "tags": ["a", "b"]}


def test_a_flag_needs_no_value() -> None:
    assert read("--public", "--name", "x")[0]["public"] is True
    assert read("--public", "no", "--name", "x")[0]["public"] is False


def test_fields_come_before_options_of_the_same_name() -> None:
    assert read("--name", "x", "--wait", "a while", "--help", "me", "--json") == (
        {"name": "x", "wait": "a while", "help": "me"},
        {"json": True},
    )


def test_what_cannot_be_read_is_told_with_what_is_missing() -> None:
    with pytest.raises(Failure) as failure:
        read("--count", "many")
    assert failure.value.code == REFUSED
    assert [told.split(":")[0] for told in failure.value.lines[1:]] == ["  --count", "  --name"]


def test_unknown_options_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(Failure, match="what is --cuont 5 loose") as failure:
        read("--cuont", "5", "loose")
    assert failure.value.code == USAGE
    assert failure.value.lines[1] == "  --cuont: Unknown field. Did you mean “count”?"


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text", "{", "a: [", "a: *b", "", "\ufeff{"])
def test_a_file_that_holds_no_answers_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(Failure) as failure:
        read(f"@{path}")
    assert failure.value.code == USAGE
    assert str(path) in str(failure.value)


def test_files_and_options_are_laid_over_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.json"
    first.write_text("name: a\nnetwork: {cidr: x, ports: [1]}\n")
    second.write_text('{"name": "b"}')
    form, _ = read(f"@{first}", "--network.cidr", "y", f"@{second}")
    assert form == {"name": "b", "network": {"cidr": "y", "ports": [1]}}
