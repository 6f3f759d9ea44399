"""Going on: the transaction that ends one step takes the next one of its request for the same process.

That is two commits less for each step. It is built before, from what will be known then, so that its resource is stored
before its effect as ever; if the store turns out to know something else, the step waits in its queue like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot import lifecycle
from bot.store import claims, progress, queues, rows, tables
from bot.store.claims import Claim
from bot.store.database import Tx
from bot.store.progress import Standing


@dataclass(frozen=True)
class Made:
    """What a step asks for, as it is stored."""

    step: str
    handler: str
    resource: Mapping[str, Any]
    description: str
    #: Whether the handler wants to hear how the request goes on.
    follows: bool
    #: How long the step may take.
    limit: timedelta | None = None


def go_on(
    tx: Tx, claim: Claim, standing: Standing, made: Made | None, lease: timedelta, *, counted: bool = True
) -> Claim | None:
    """What has come due by the end of the step of `claim`: the one that is `made` is taken, the others wait in queues.

    `counted`: steps of other processes may have waited for its place, and are told that it is free.
    """
    free = standing.due if made and standing.request.state in lifecycle.AT_WORK else ()
    step = next((step for step in free if made and step.name == made.step), None)
    progress.make_due(tx, [each for each in standing.due if each is not step])
    if step is None or made is None:
        tx.due = tx.due or counted
        return None
    values = {
        "handler": made.handler,
        "resource": dict(made.resource),
        "follows": made.follows,
        "queue": queues.name(queues.offering_of(step.queue), made.handler),
        "deadline_at": tx.now + made.limit if made.limit else None,
    }
    taken = claims.take(tx, standing.request, step, claim.owner, lease, **values)
    lay(tx, taken, made.description)
    return taken


def lay(tx: Tx, claim: Claim, description: str) -> None:
    """From here on the instance may consist of what the step asks for."""
    rows.put(
        tx,
        tables.InstanceResource,
        {"instance_id": claim.instance_id, "step": claim.name},
        {"description": description, "state": {}, "outputs": {}},
        handler=claim.handler,
        resource=dict(claim.resource or {}),
        follows=claim.follows,
        deleted_at=None,
        position=claim.position,
        after=claim.after,
    )
