"""Transitions are chosen by the category that they lead to."""

from typing import Any

from bot.handlers.jira.workflow import Move, choose

RESOLUTION = {"required": True, "allowedValues": [{"id": "1", "name": "Fixed"}, {"id": "2", "name": "Won't Do"}]}


def way(number: str, name: str, category: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": name, "to": {"name": name, "statusCategory": {"key": category}}, **more}


def test_the_lowest_id_without_a_screen_wins() -> None:
    ways = [way("101", "Fertig", "done"), way("21", "Done", "done", hasScreen=True), way("31", "Ready", "done")]
    assert choose(ways, "done", None) == Move("31")


def test_the_preferred_name_wins_whatever_its_case() -> None:
    ways = [way("1", "Done", "done"), way("2", "Released", "done", hasScreen=True)]
    assert choose(ways, "done", "released") == Move("2")
    assert choose(ways, "done", "unheard of") == Move("1")


def test_a_preferred_name_of_another_category_is_not_taken() -> None:
    assert choose([way("1", "Start", "indeterminate")], "done", "Start") is None


def test_a_resolution_on_the_screen_is_set_to_what_fits() -> None:
    ways = [way("1", "Close", "done", fields={"resolution": RESOLUTION})]
    assert choose(ways, "done", None, ["won't do"]) == Move("1", {"resolution": {"id": "2"}})
    assert choose(ways, "done", None, ["Unheard of"]) == Move("1", {"resolution": {"id": "1"}})


def test_a_screen_that_asks_for_what_nobody_knows_is_left_to_a_person() -> None:
    ways = [way("1", "Close", "done", fields={"customfield_1": {"required": True}})]
    assert choose(ways, "done", None) is None
    ways[0]["fields"]["customfield_1"]["hasDefaultValue"] = True
    assert choose(ways, "done", None) == Move("1")


def test_what_is_not_available_or_not_understood_is_left_out() -> None:
    ways = [way("1", "Close", "done", isAvailable=False), {"id": "2", "to": None}, {"id": "3"}]
    assert choose(ways, "done", None) is None
    assert choose([], "done", None) is None
