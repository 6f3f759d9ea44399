"""Recorded contracts: a compatible change asks to be recorded, an incompatible one for a new version."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from bot import Field, Form, Offering, Outputs, Request, golden
from bot.errors import Misconfigured
from bot.handlers import manual


class First(Form):
    name: str
    size: Literal["small", "large"] = "small"


class Optional(First):
    note: str | None = None


class Retitled(First):
    name: str = Field(title="What it is called", description="Anything")


class Required(First):
    team: str


class Narrower(Form):
    name: str
    size: Literal["small"] = "small"


class Host(Outputs):
    host: str


class More(Host):
    port: int = 5432


def offering(form: type[Form], **given: Any) -> Offering[Any]:
    made = Offering("db", form, owner="@it", notify="#it", **given)

    @made.step
    def work(request: Request[Any]) -> manual.Task:
        return manual.Task(group="@it", instructions="x")

    return made


def test_what_was_never_recorded_is_said_and_recorded_once(tmp_path: Path) -> None:
    first = offering(First, title="Database")
    assert golden.compare(first, tmp_path) == (
        "db v1: Database. Steps: work (Task). Its contract is not recorded yet: frontdesk check --record"
    )
    path = golden.record(first, tmp_path)
    assert path == tmp_path / "contracts" / "db.v1.json"
    assert json.loads(path.read_text())["name"] == "db"
    assert golden.compare(first, tmp_path) == "db v1: Database. Steps: work (Task)."
    assert golden.record(first, tmp_path) is None


def test_titles_and_descriptions_are_no_change(tmp_path: Path) -> None:
    golden.record(offering(First), tmp_path)
    assert golden.compare(offering(Retitled), tmp_path)
    assert golden.record(offering(Retitled), tmp_path) is None


@pytest.mark.parametrize(
    ("form", "outputs"), [(Optional, Host), (First, More)], ids=["an optional field", "an output more"]
)
def test_a_compatible_change_asks_to_be_recorded(tmp_path: Path, form: type[Form], outputs: type[Outputs]) -> None:
    golden.record(offering(First, outputs=Host), tmp_path)
    changed = offering(form, outputs=outputs)
    with pytest.raises(Misconfigured) as asked:
        golden.compare(changed, tmp_path)
    assert "the contract of db v1 has changed, compatibly. Record it: frontdesk check --record" in str(asked.value)
    assert asked.value.where == changed.where
    assert golden.record(changed, tmp_path)
    assert golden.compare(changed, tmp_path)


@pytest.mark.parametrize(
    ("form", "outputs"),
    [(Required, Host), (Narrower, Host), (First, None)],
    ids=["a required field", "a choice less", "no outputs"],
)
def test_an_incompatible_change_asks_for_a_new_version_and_is_never_recorded(
    tmp_path: Path, form: type[Form], outputs: type[Outputs] | None
) -> None:
    golden.record(offering(First, outputs=Host), tmp_path)
    before = (tmp_path / "contracts" / "db.v1.json").read_text()
    changed = offering(form, outputs=outputs)
    for refuse in (golden.compare, golden.record):
        with pytest.raises(Misconfigured, match="db v1 would refuse what was valid before: .*Give it a new version"):
            refuse(changed, tmp_path)
    assert (tmp_path / "contracts" / "db.v1.json").read_text() == before
    newer = offering(form, outputs=outputs, version="v2")
    assert golden.record(newer, tmp_path) == tmp_path / "contracts" / "db.v2.json"
