"""`manual.Task`: something that a person does, and reports.

The step waits, with no time limit, until somebody says Done (and gives the promised outputs) or Can't do through a use
case, at any door.
"""

from typing import Generic

from pydantic import Field
from typing_extensions import override

from bot.handler import Answer, Ask, Context, Handler, O_co, Pending, Plans, Promised, Resource, schema_of


class Task(Resource[O_co], Generic[O_co]):
    """Asks `group` (a handle, an e-mail address or a Slack id) to follow `instructions`.

    Args:
        outputs: what they report when it is done: a class of Outputs, or a JSON Schema.
        undo: the task that takes it back; it may ask somebody else. Without it the same group is asked to take back
            what the instructions say. Only another task can take a task back, as one handler does both.
    """

    group: str = Field(min_length=1)
    instructions: str = Field(min_length=1)
    outputs: Promised[O_co] = None
    undo: "Task | None" = None


class TaskHandler(Handler[Task], Plans):
    """Asks, and leaves the rest to people."""

    name = "manual"
    resource = Task

    @override
    def apply(self, resource: Task, context: Context) -> Answer:
        return _asked(resource)

    @override
    def delete(self, resource: Task, context: Context) -> Answer:
        """Asks even if nobody said Done: a person may have begun, and only a person can tell."""
        return _asked(
            resource.undo or Task(group=resource.group, instructions=f"Take this back: {resource.instructions}")
        )

    @override
    def plan(self, resource: Task, context: Context) -> str:
        return f"Asks {resource.group}: {resource.instructions}"


def _asked(task: Task) -> Pending:
    ask = Ask(task.group, task.instructions, schema_of(task.outputs))
    return Pending(f"waiting for {task.group}", ask=ask)
