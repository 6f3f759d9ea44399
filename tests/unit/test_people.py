"""Who somebody is, and who belongs to which group."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Misconfigured, Unavailable
from bot.people import Groups, NoDirectory, Profile, is_group, read_groups
from tests.unit.records import ADA, EVE, GRACE


@dataclass
class Listed:
    """A directory that knows these groups; None: it does not answer."""

    groups: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def find(self, reference: str) -> Profile | None:
        return None

    def members(self, handle: str) -> frozenset[str] | None:
        found = self.groups.get(handle, frozenset({"nobody"}))
        if found is None:
            raise Unavailable("Slack does not answer.")
        return None if found == frozenset({"nobody"}) else found

    def has_left(self, slack_id: str) -> bool:
        return slack_id.startswith("U0GONE")


def test_a_person_is_who_they_are_by_address_or_slack_id_in_any_case() -> None:
    groups = Groups(NoDirectory())
    assert groups.includes("Grace@Example.com", GRACE)
    assert groups.includes("U02GRACE", GRACE)
    assert not groups.includes("U02GRACE", ADA)
    assert groups.everybody("U02GRACE") == {"U02GRACE"}
    assert groups.known("U02GRACE")


def test_a_group_that_is_listed_counts_before_the_one_in_slack() -> None:
    groups = Groups(Listed({"@dba": frozenset({"U01ADA"})}), {"DBA": ["grace@example.com"]})
    assert groups.includes("@dba", GRACE)
    assert not groups.includes("@dba", ADA)
    assert groups.everybody("@Dba") == {"grace@example.com"}


def test_a_group_of_slack_counts_where_none_is_listed() -> None:
    groups = Groups(Listed({"@ops": frozenset({"U01ADA"}), "S0OPS": frozenset({"U01ADA"})}))
    assert groups.includes("@ops", ADA)
    assert groups.includes("S0OPS", ADA)
    assert not groups.includes("@ops", EVE)


def test_an_unknown_group_has_nobody_in_it() -> None:
    groups = Groups(Listed(), {"dba": []})
    assert not groups.includes("@gone", ADA)
    assert groups.everybody("@gone") == frozenset()
    assert (groups.known("@gone"), groups.known("@dba")) == (False, True)
    assert Groups(NoDirectory()).known("@dba") is False
    assert NoDirectory().find("ada@example.com") is None


def test_a_directory_that_is_away_matters_only_to_whom_nothing_else_matches() -> None:
    groups = Groups(Listed({"@away": None}), {"dba": ["grace@example.com"]})
    assert groups.any(["@away", "@dba"], GRACE)
    with pytest.raises(Unavailable):
        groups.any(["@away", "@dba"], ADA)
    assert not groups.any(["@dba"], ADA)


@given(st.text(max_size=12))
def test_whatever_stands_there_is_a_group_or_a_person(who: str) -> None:
    assert is_group(who) in (True, False)
    assert is_group("@" + who)


@pytest.mark.parametrize(
    ("who", "group"), [("S0DBA", True), ("Sam", False), ("sam@x.y", False), ("U1", False), ("", False)]
)
def test_a_handle_and_an_id_of_a_user_group_are_groups(who: str, group: bool) -> None:
    assert is_group(who) is group


def test_groups_are_read_from_a_file_and_no_file_is_no_groups(tmp_path: Path) -> None:
    assert read_groups(tmp_path) == {}
    (tmp_path / "groups.toml").write_text('dba = ["grace@example.com", "U02BOB"]\nempty = []\n')
    assert read_groups(tmp_path) == {"dba": ["grace@example.com", "U02BOB"], "empty": []}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dba = [", "is not valid TOML"),
        ('dba = "grace@example.com"', "the group 'dba' is not a list of people. Write dba = "),
        ("dba = [1]", "the group 'dba' is not a list of people"),
        ('[dba]\nmembers = ["U1"]', "the group 'dba' is not a list of people"),
    ],
)
def test_a_file_of_groups_that_is_wrong_is_named_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as wrong:
        read_groups(tmp_path)
    assert str(path) in str(wrong.value)
    assert said in str(wrong.value)
