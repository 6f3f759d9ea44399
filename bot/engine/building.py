"""What a step asks for, built from its request by the code that runs now; and what a request leads to in the end.

Authors' code runs here: it touches nothing, and no transaction is open meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import contract
from bot.catalogue import Catalogue
from bot.engine.retrying import Parked, Unknown, Waits
from bot.engine.seen import Seen, keep_promise, request_of
from bot.errors import PermanentError
from bot.handler import Handler, Resource
from bot.offering import NotGiven, NotYet, Offering, Step
from bot.store import reads
from bot.store.database import Database
from bot.store.onward import Made


@dataclass(frozen=True)
class Built:
    """A step's resource, and who makes it real."""

    step: Step[Any, Any]
    handler: Handler[Any]
    resource: Resource[Any]
    #: Whether the handler wants to hear how the request goes on.
    follows: bool

    def made(self) -> Made:
        """As it is stored."""
        return Made(
            step=self.step.name,
            handler=self.handler.name,
            resource=self.resource.model_dump(mode="json"),
            description=self.step.description,
            follows=self.follows,
            limit=self.step.limit,
        )


@dataclass(frozen=True)
class Finish:
    """What the last step of a request leads to."""

    outputs: Mapping[str, Any]
    expires_at: datetime | None


class Broken(Exception):
    """The steps are done, and the promise is not kept."""


def build(catalogue: Catalogue, name: str, seen: Seen) -> Built:
    """What the step of that name asks for. Raises Unknown, Waits, PermanentError, and what an author's code does."""
    record = seen.record
    offering = catalogue.offering(record.offering, record.version)
    step = offering.steps.get(name) if offering else None
    if offering is None or step is None:
        raise Unknown(f"{record.offering} {record.version} has no step {name} in the code that runs now.")
    try:
        resource = step(request_of(offering, record, seen.made))
    except NotYet as error:
        raise Waits(error) from error
    except NotGiven as error:
        raise PermanentError(str(error)) from error
    handler = catalogue.handler_of(type(resource))
    if handler is None:
        raise Unknown(f"No handler makes a {type(resource).__name__} real.")
    return Built(step, handler, resource, catalogue.follows([type(resource)]))


def finish(catalogue: Catalogue, database: Database, seen: Seen) -> Finish:
    """What a request whose steps are all done ends with. Raises Broken, Parked."""
    record = seen.record
    if record.kind == "delete":
        return Finish({}, None)
    offering = catalogue.offering(record.offering, record.version)
    if offering is None:
        raise Parked(f"{record.offering} {record.version} is not in the code that runs now.")
    outputs = {step.name: step.outputs or {} for step in record.steps if step.action == "apply"}
    promised = keep_promise(offering, outputs)
    problems = contract.problems(offering.contract.outputs, promised) if offering.contract.outputs else []
    if problems:
        named = "; ".join(f"{problem.pointer.lstrip('/')}: {problem.detail}" for problem in problems)
        raise Broken(f"The steps are done, but what {record.offering} promises its owner is not there. {named}")
    return Finish(promised, _end_of(database, offering, seen))


def _end_of(database: Database, offering: Offering[Any], seen: Seen) -> datetime | None:
    """When the instance expires. An update moves an end that was asked for, never one that was counted."""
    if seen.record.kind == "create" and offering.expires is None:
        return None
    request = request_of(offering, seen.record, seen.made)
    if request.kind == "update" and not offering.ends_on_a_date(request):
        with database.read() as session:
            instance = reads.instance(session, seen.record.instance_id)
        return instance.expires_at if instance else None
    return offering.ends(request, database.now())
