"""Options from data, apart from Slack and the database: where they may stand, what is found, what is refused."""

from collections.abc import Mapping
from threading import Event
from typing import Any

import pytest

from bot import Person, contract
from bot.contract import Choice
from bot.errors import Problem, Unavailable
from bot.offering import Options
from bot.options import Sources
from bot.slack.forms.about import About
from bot.slack.forms.choices import UNAVAILABLE, from_data
from bot.slack.forms.entries import Draft
from bot.slack.forms.filled import Filled
from bot.slack.forms.pages import Sheet

ADA = Person("ada@example.com", "Ada")
USER = {
    "type": "object",
    "title": "User",
    "properties": {"name": {"type": "string"}, "role": {"type": "string", "description": "What they may"}},
}
FORM: dict[str, Any] = {
    "type": "object",
    "$defs": {"User": USER},
    "properties": {
        "database": {"type": "string", "title": "Database"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "size": {"enum": ["small", "large"]},
        "kind": {"type": "string"},
        "owner": {"$ref": "#/$defs/User"},
        "deputy": {"anyOf": [{"$ref": "#/$defs/User"}, {"type": "null"}]},
        "users": {"type": "array", "items": {"$ref": "#/$defs/User"}},
    },
    "if": {"properties": {"kind": {"const": "copy"}}, "required": ["kind"]},
    "then": {"properties": {"source": {"type": "string"}}, "required": ["source"]},
}


def sourced(schema: dict[str, Any], answers: Mapping[str, Any]) -> list[str]:
    return [question.name for question in Filled(schema, answers).questions if question.source]


def block(shown: dict[str, Any], pointer: str, **entered: Any) -> dict[str, Any]:
    sheet = Sheet(Filled(shown, {}, entered), About(), "Form", "form", "Request", Draft())
    found: dict[str, Any] = next(each for each in sheet.view()["blocks"] if each.get("block_id") == pointer)
    return found


# Where they stand


def test_without_options_people_see_the_contract_itself() -> None:
    assert contract.presented(FORM, ()) is FORM


def test_a_field_with_options_is_marked_where_people_see_it_and_the_contract_stays() -> None:
    before = repr(FORM)
    shown = contract.presented(FORM, ("database", "owner.role", "deputy.name"))
    assert sourced(shown, {}) == ["database", "owner.role", "deputy.name"]
    assert repr(FORM) == before


def test_a_field_that_a_condition_brings_in_has_options_too() -> None:
    shown = contract.presented(FORM, ("source",))
    assert sourced(shown, {}) == []
    assert sourced(shown, {"kind": "copy"}) == ["source"]


def test_a_field_of_each_entry_of_a_list_has_options_too() -> None:
    shown = contract.presented(FORM, ("users.role",))
    users = next(each for each in contract.fields(shown) if each.name == "users")
    assert users.entry is not None
    assert [each.source for each in contract.fields(users.entry)] == ["", "users.role"]


def test_a_path_that_the_form_does_not_have_is_named() -> None:
    with pytest.raises(contract.NoSuchField, match=r"owner\.rank"):
        contract.presented(FORM, ("owner.rank",))


@pytest.mark.parametrize("path", ["size", "users", "owner"])
def test_only_texts_and_lists_of_texts_are_chosen_from_data(path: str) -> None:
    with pytest.raises(ValueError, match=f"{path} is neither a text nor a list of texts"):
        contract.presented(FORM, (path,))


def test_it_is_a_select_that_asks_as_somebody_types() -> None:
    shown = contract.presented(FORM, ("database", "tags"))
    one, several = block(shown, "/database")["element"], block(shown, "/tags")["element"]
    assert (one["type"], one["min_query_length"]) == ("external_select", 0)
    assert several["type"] == "multi_external_select"


def test_what_was_chosen_stands_in_it_again() -> None:
    shown = contract.presented(FORM, ("database", "tags"))
    option = block(shown, "/database", **{"/database": "orders"})["element"]["initial_option"]
    assert option["value"] == "orders"
    chosen = block(shown, "/tags", **{"/tags": ["a", "b"]})["element"]["initial_options"]
    assert [each["value"] for each in chosen] == ["a", "b"]


def test_an_answer_that_no_option_can_hold_stands_as_text() -> None:
    shown = contract.presented(FORM, ("database",))
    element = block(shown, "/database", **{"/database": "x" * 151})["element"]
    assert (element["type"], element["initial_value"]) == ("plain_text_input", "x" * 151)


def test_the_word_that_there_are_no_options_is_no_answer() -> None:
    filled = Filled(contract.presented(FORM, ("database", "tags")))
    option = {"text": {"type": "plain_text", "text": "?"}, "value": UNAVAILABLE}
    values = {
        "/database": {"answer": {"type": "external_select", "selected_option": option}},
        "/tags": {"answer": {"type": "multi_external_select", "selected_options": [option]}},
    }
    assert filled.read(values, {"/database", "/tags"}, 0).answers == filled.answers


def test_a_value_that_slack_does_not_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="151 characters"):
        from_data([Choice("x" * 151, "Long")])


# What is found


def ten_thousand(_person: Person, _answers: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(f"db-{at}", f"Database {at} of the team {at % 7}") for at in range(10_000)]


def labels(text: str, *names: str) -> list[str]:
    return [choice.label for choice in contract.ranked([Choice(name, name) for name in names], text)]


def test_the_beginning_wins_over_a_word_and_a_word_over_a_part() -> None:
    names = ("reorders", "the orders", "Orders", "old big orders")
    assert labels("orders", *names) == ["Orders", "the orders", "old big orders", "reorders"]
    assert labels("big old", *names) == ["old big orders"]
    assert labels("", *names) == list(names)
    assert labels("nothing", *names) == []


def test_a_function_that_does_not_take_the_text_is_searched_for_it() -> None:
    found = Sources().found("database", ten_thousand, ADA, {}, "database 999")
    assert [choice.value for choice in found[:2]] == ["db-999", "db-9990"]
    assert len(found) == 19


def test_a_function_that_takes_the_text_searches_itself() -> None:
    def search(person: Person, answers: Mapping[str, Any], text: str) -> list[str]:
        return [f"{text} of {person.name} in {answers['region']}"]

    assert [each.label for each in Sources().found("x", search, ADA, {"region": "eu"}, "db")] == ["db of Ada in eu"]


def test_who_asks_and_the_form_so_far_decide_what_is_offered() -> None:
    def mine(person: Person, answers: Mapping[str, Any]) -> list[str]:
        return [f"{person.name}-{answers.get('region')}"]

    assert [each.value for each in Sources().found("x", mine, ADA, {"region": "eu"}, "")] == ["Ada-eu"]


# What is refused


def two(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
    return ["orders", "billing"]


def none(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
    return []


def broken(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
    raise ConnectionError("no route")


def wrong(answers: dict[str, Any], **sources: Options) -> list[Problem]:
    return Sources().wrong({path.replace("__", "."): each for path, each in sources.items()}, ADA, answers)


def test_what_is_offered_passes_and_what_was_not_answered_is_not_asked_for() -> None:
    assert wrong({"database": "orders"}, database=two) == []
    assert wrong({"other": 1, "database": None}, database=broken) == []


def test_what_is_not_offered_any_more_is_refused_at_its_field() -> None:
    [problem] = wrong({"database": "gone"}, database=two)
    assert problem == Problem("/database", "“gone” is not, or no longer, one of your choices. Choose again.")


def test_where_nothing_is_offered_that_is_said() -> None:
    [problem] = wrong({"database": "gone"}, database=none)
    assert problem.detail == "There is nothing to choose from for you here, with these answers."


def test_each_of_several_answers_is_checked_also_in_the_entries_of_a_list() -> None:
    found = wrong(
        {"users": [{"role": "orders"}, {}, {"role": "x"}], "tags": ["billing", "y"]}, users__role=two, tags=two
    )
    assert [problem.pointer for problem in found] == ["/users/2/role", "/tags/1"]


def test_a_function_that_searches_is_asked_for_the_answer_itself() -> None:
    def search(_person: Person, _answers: Mapping[str, Any], text: str) -> list[str]:
        return [each for each in ("orders", "billing") if text and each.startswith(text)]

    assert wrong({"database": "billing"}, database=search) == []
    assert [each.pointer for each in wrong({"database": "gone"}, database=search)] == ["/database"]


def test_a_function_that_fails_is_told_as_such_and_its_error_stays_in_the_log() -> None:
    with pytest.raises(Unavailable, match="choices for database could not be looked up") as refused:
        wrong({"database": "orders"}, database=broken)
    assert "no route" not in str(refused.value)


def test_nobody_waits_for_a_function_that_hangs() -> None:
    ends = Event()

    def slow(_person: Person, _answers: Mapping[str, Any]) -> list[str]:
        ends.wait(30)
        return ["orders"]

    sources = Sources(limit=0.05, patience=0.05)
    with pytest.raises(Unavailable, match="longer than 0.05 seconds"):
        sources.wrong({"database": slow}, ADA, {"database": "orders"})
    for _ in range(40):
        with pytest.raises(Unavailable):
            sources.found("database", slow, ADA, {}, "")
    with pytest.raises(Unavailable, match="too many people"):
        sources.found("database", slow, ADA, {}, "")
    assert sources.found("other", two, ADA, {}, "") != []
    ends.set()
