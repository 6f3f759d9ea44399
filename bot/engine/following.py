"""Tells resources how the request that they came from goes on."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from bot.catalogue import Catalogue
from bot.engine.opening import Secrets
from bot.errors import TemporaryError
from bot.handler import Context, Event, EventName, Follows
from bot.lifecycle import StepState
from bot.store import reads, steps, tables
from bot.store.database import Database
from bot.store.records import RequestRecord
from bot.store.sending import ClaimedDelivery


class Follower:
    """Sends the deliveries of kind `follow`."""

    def __init__(
        self, database: Database, catalogue: Catalogue, secrets: Secrets, url: Callable[[str], str | None]
    ) -> None:
        self._database, self._catalogue, self._secrets, self._url = database, catalogue, secrets, url

    def follow(self, delivery: ClaimedDelivery) -> None:
        """Tell a resource how its request went on. Raises TemporaryError while there is nothing to tell yet."""
        payload = delivery.payload
        with self._database.read() as session:
            event = reads.event(session, payload["event"])
            record = reads.request(session, delivery.request_id or 0)
            rows = {row.step: row for row in reads.resources(session, payload["instance"])}
        row = rows.get(payload["step"])
        if event is None or record is None:
            return
        if row is None or not _is_made(record, row):
            if _will_be_made(record, payload["step"]):
                raise TemporaryError("What follows the request does not exist yet.")  # its step hurries it on
            return
        handler = self._catalogue.handlers.get(row.handler)
        if not isinstance(handler, Follows):
            return
        context = self._follow_context(record, row, event.id)
        told = Event(
            name=cast("EventName", event.name),
            request=record.number,
            kind=record.kind,
            at=event.at,
            by=event.person.label if event.person else None,
            reason=_reason(record, event.name, event.data),
            outputs=dict(record.outputs or {}) if event.name == "fulfilled" else {},
        )
        handler.follow(handler.resource.model_validate(row.resource), context, told)

    def _follow_context(self, record: RequestRecord, row: tables.InstanceResource, event_id: int) -> Context:
        def save(state: Mapping[str, Any]) -> None:
            self._database.run(lambda tx: steps.keep(tx, record.instance_id, row.step, state))

        return Context(
            key=f"{record.number}/{row.step}/{event_id}",
            identity=f"{record.instance}/{row.step}",
            state=row.state,
            now=self._database.now(),
            save=save,
            say=lambda _text: None,
            secret=lambda name: self._secrets.of(record.id, name),
            cancelled=lambda: False,
            url=self._url(record.number),
        )


def _is_made(record: RequestRecord, row: tables.InstanceResource) -> bool:
    step = next((step for step in record.steps if step.name == row.step and step.action == "apply"), None)
    if step is None or step.state in (StepState.DONE, StepState.PENDING):
        return True
    return step.state is StepState.SKIPPED and bool(row.state)


def _will_be_made(record: RequestRecord, name: str) -> bool:
    step = next((step for step in record.steps if step.name == name and step.action == "apply"), None)
    return step is not None and step.state in (StepState.WAITING, StepState.RUNNING)


def _reason(record: RequestRecord, event: str, data: Mapping[str, Any]) -> str | None:
    if event == "failed":
        return next((step.reason for step in record.steps if step.state is StepState.FAILED), None)
    if event == "approved":
        return next((d.reason for d in reversed(record.decisions) if d.verdict == "approve" and d.reason), None)
    reason: str | None = data.get("reason")
    return reason
