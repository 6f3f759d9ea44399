from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bot.handler import Ask, Context, Outputs, Pending, schema_of
from bot.handlers import manual


class Connection(Outputs):
    host: str
    port: int = 5432


def context() -> Context:
    return Context(
        key="REQ-1/database",
        identity="INS-1/database",
        state={},
        now=datetime(2026, 11, 2, tzinfo=UTC),
        save=lambda state: None,
        say=lambda text: None,
        secret=lambda name: "",
        cancelled=lambda: False,
    )


handler = manual.TaskHandler({})
task = manual.Task(group="@dba", instructions="Create orders", outputs=Connection)


def test_a_task_waits_for_its_group_and_asks_for_the_promised_outputs() -> None:
    answer = handler.apply(task, context())
    ask = Ask("@dba", "Create orders", Connection.model_json_schema())
    assert answer == Pending("waiting for @dba", ask=ask)
    assert answer.delay is None


def test_a_task_that_promises_nothing_asks_for_nothing_but_done() -> None:
    answer = handler.apply(manual.Task(group="@dba", instructions="Tidy up"), context())
    assert answer == Pending("waiting for @dba", ask=Ask("@dba", "Tidy up"))


def test_deleting_asks_the_same_group_to_take_it_back_and_wants_no_outputs() -> None:
    answer = handler.delete(task, context())
    assert answer == Pending("waiting for @dba", ask=Ask("@dba", "Take this back: Create orders"))


def test_deleting_asks_whom_undo_names_and_for_what_it_wants() -> None:
    undo = manual.Task(group="@storage", instructions="Drop orders", outputs=Connection)
    answer = handler.delete(task.model_copy(update={"undo": undo}), context())
    ask = Ask("@storage", "Drop orders", Connection.model_json_schema())
    assert answer == Pending("waiting for @storage", ask=ask)


def test_its_plan_says_who_is_asked_for_what() -> None:
    assert handler.plan(task, context()) == "Asks @dba: Create orders"


def test_outputs_are_kept_as_their_schema_so_that_what_is_stored_equals_what_was_built() -> None:
    assert task == manual.Task(group="@dba", instructions="Create orders", outputs=Connection.model_json_schema())
    assert manual.Task.model_validate_json(task.model_dump_json()) == task
    assert manual.Task.model_validate(task.model_dump()) == task


def test_a_task_that_says_the_type_of_its_outputs_equals_one_that_does_not() -> None:
    assert manual.Task[Connection](group="@dba", instructions="Create orders", outputs=Connection) == task


def test_a_schema_from_elsewhere_is_taken_as_it_is() -> None:
    schema = {"type": "object", "properties": {"host": {"type": "string"}}}
    assert manual.Task(group="@dba", instructions="Create", outputs=schema).outputs == schema
    assert schema_of(schema) is schema
    assert schema_of(None) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"group": "", "instructions": "a"},
        {"group": "@a", "instructions": ""},
        {"group": "@a", "instructions": "b", "outputs": str},
        {"group": "@a", "instructions": "b", "outputs": "host"},
        {"group": "@a", "instructions": "b", "owner": "@c"},
    ],
)
def test_a_task_that_cannot_be_asked_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        manual.Task(**fields)
