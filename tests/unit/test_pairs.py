"""`field=value` pairs reach any field: in branches of conditions, in entries of lists and maps."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from bot import contract
from bot.cli import answers as command_line
from bot.cli.failures import USAGE, Failure


class Card(BaseModel):
    kind: Literal["card"]
    number: int


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: int


class Port(BaseModel):
    number: int
    pay: Annotated[Card | Cash, Field(discriminator="kind")] | None = None


class Shop(BaseModel):
    name: str
    pay: Annotated[Card | Cash, Field(discriminator="kind")]
    labels: dict[str, int] = {}
    ports: dict[str, Port] = {}
    rules: list[Port] = []
    tags: list[str] = []


SHOP = Shop.model_json_schema()


def typed(*words: str, known: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    pairs = [(name, text) for name, _, text in (word.partition("=") for word in words)]
    found, wrong = contract.typed(SHOP, pairs, None, known)
    return found, [(each.pointer, each.detail) for each in wrong]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["pay.kind=card", "pay.number=4"], {"pay": {"kind": "card", "number": 4}}),
        (["pay.number=4", "pay.kind=card"], {"pay": {"kind": "card", "number": 4}}),
        (["labels.a=1", "labels.app.kubernetes.io/name=2"], {"labels": {"a": 1, "app.kubernetes.io/name": 2}}),
        (["ports.web.number=80", "ports.db.number=5432"], {"ports": {"web": {"number": 80}, "db": {"number": 5432}}}),
        (["rules.0.number=1", "rules.1.number=2"], {"rules": [{"number": 1}, {"number": 2}]}),
        (
            ["rules.0.pay.amount=3", "rules.0.pay.kind=cash", "rules.0.number=1"],
            {"rules": [{"number": 1, "pay": {"kind": "cash", "amount": 3}}]},
        ),
        (["rules=[{number: 1}]", "rules.0.number=2"], {"rules": [{"number": 2}]}),
    ],
)
def test_any_field_is_reached(words: list[str], found: dict[str, Any]) -> None:
    assert typed(*words) == (found, [])


def test_what_is_known_already_decides_which_fields_there_are() -> None:
    today = {"name": "x", "pay": {"kind": "cash", "amount": 1}}
    assert typed("pay.amount=2", known=today) == ({"pay": {"amount": 2}}, [])
    assert typed("pay.amount=2")[1] == [("/pay/amount", "Unknown field.")]


@pytest.mark.parametrize(
    ("word", "pointer", "told"),
    [
        ("ports.web.nubmer=1", "/ports/web/nubmer", "Unknown field."),
        ("ports.web=1", "/ports/web", "Unknown field."),
        ("rules.x.number=1", "/rules/x/number", "Unknown field."),
        ("rules.3.number=1", "/rules/3/number", "Is out of order: the first entry is 0, and each has one before it."),
        ("labels.a=b", "/labels/a", "Has to be a whole number; got “b”."),
        ("rules.0.number=b", "/rules/0/number", "Has to be a whole number; got “b”."),
    ],
)
def test_what_is_wrong_is_told_where_it_would_stand(word: str, pointer: str, told: str) -> None:
    [(where, text)] = typed(word)[1]
    assert where == pointer
    assert text.startswith(told)


def read(*tail: str) -> Any:
    given = command_line.read(SHOP, tail, {}, prog="frontdesk request shop")
    return command_line.typed(SHOP, given, lambda _name, _content: {})


def test_the_command_line_takes_them_as_options(tmp_path: Any) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text("pay: {kind: cash, amount: 1}\nports: {web: {number: 80}}\n")
    assert read("--pay.kind", "card", "--pay.number=4", "--rules.0.number", "1") == {
        "pay": {"kind": "card", "number": 4},
        "rules": [{"number": 1}],
    }
    assert read(f"@{answers}", "--pay.amount", "-2", "--ports.db.number", "2") == {
        "pay": {"kind": "cash", "amount": -2},
        "ports": {"web": {"number": 80}, "db": {"number": 2}},
    }


def test_an_option_that_no_answer_asks_for_is_told() -> None:
    with pytest.raises(Failure, match="not every option is a field") as failure:
        read("--name", "x", "--pay.nubmer", "4")
    assert failure.value.code == USAGE
    assert failure.value.lines[1:] == ("  --pay.nubmer: Unknown field.", "See frontdesk request shop --help.")


def test_help_shows_the_fields_that_a_condition_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read("--help")
    assert "--pay.kind card|cash" in capsys.readouterr().out


def test_a_field_that_a_condition_brings_in_is_an_option() -> None:
    rule = {"properties": {"kind": {"const": "db"}}}
    engine = {"properties": {"engine": {"enum": ["pg", "my"]}}}
    schema = {"type": "object", "properties": {"kind": {"enum": ["vm", "db"]}}, "required": ["kind"]}
    schema |= {"if": rule, "then": engine}

    def asked(*tail: str) -> Any:
        given = command_line.read(schema, tail, {}, prog="frontdesk request order")
        return command_line.typed(schema, given, lambda _name, _content: {})

    assert asked("--engine", "pg", "--kind", "db") == {"kind": "db", "engine": "pg"}
    with pytest.raises(Failure, match="not every option is a field"):
        asked("--engine", "pg", "--kind", "vm")
