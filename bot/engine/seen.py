"""A stored request as a step sees it, and what its offering promises."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from bot import contract, secrecy
from bot.lifecycle import RequestState, StepState
from bot.offering import Kind, Offering, Request, Step
from bot.store import tables
from bot.store.progress import Standing
from bot.store.records import EventRecord, RequestRecord


@dataclass(frozen=True)
class Seen:
    """A request and what its instance consisted of, as this process read them, and what it did to them since."""

    record: RequestRecord
    made: Sequence[tables.InstanceResource]

    @property
    def done(self) -> Mapping[str, Mapping[str, Any]]:
        """What the steps left that are done."""
        return {step.name: step.outputs or {} for step in self.record.steps if step.state is StepState.DONE}

    @property
    def complete(self) -> bool:
        """Whether all steps are done."""
        return all(step.state is StepState.DONE for step in self.record.steps)

    def after(self, name: str, outputs: Mapping[str, Any]) -> "Seen":
        """Once that step is done and has left this."""
        steps = [
            replace(step, state=StepState.DONE, outputs=outputs) if step.name == name else step
            for step in self.record.steps
        ]
        return replace(self, record=replace(self.record, steps=steps))

    def still_so(self, standing: Standing, name: str) -> bool:
        """Whether the store says so too; of the step of that name it need not be asked."""
        stored = {step.name: step.outputs or {} for step in standing.steps if step.state == StepState.DONE}
        same = {**stored, name: None} == {**self.done, name: None}
        return same and standing.request.revision == self.record.revision


def request_of(offering: Offering[Any], record: RequestRecord, made: Sequence[tables.InstanceResource]) -> Request[Any]:
    """What a step sees of a stored request."""
    done = {step.name: step.outputs for step in record.steps if step.state is StepState.DONE}
    ahead = {step.name for step in record.steps if step.action == "apply"} - set(done)
    outputs: dict[str, Mapping[str, Any]] = {row.step: row.outputs for row in made if row.step not in ahead}
    outputs |= {name: given or {} for name, given in done.items()}
    return Request(
        number=record.number,
        kind=cast("Kind", record.kind),
        form=secrecy.form_of(offering.form, offering.guarded, record.form, record.number),
        requester=record.requester.as_person(),
        owner=record.owner.as_person(),
        instance=record.instance,
        reason=record.reason,
        outputs={name: _outputs(step, outputs[name]) for name, step in offering.steps.items() if name in outputs},
        before=secrecy.form_before(offering.form, offering.guarded, record.before, record.number),
        failure=_failure(record),
    )


def _failure(record: RequestRecord) -> str | None:
    if record.state is RequestState.CANCELLED:
        return next(
            (f"{_who(event)} cancelled it" for event in reversed(record.events) if event.name == "cancelled"), None
        )
    failed = next((step for step in record.steps if step.state is StepState.FAILED and not step.always), None)
    return f"{failed.name}: {failed.reason}" if failed else None


def _who(event: EventRecord) -> str:
    return event.person.label if event.person else "Frontdesk"


def keep_promise(offering: Offering[Any], outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the offering promises, taken from its steps' outputs (a later step wins), with the declared defaults."""
    schema = offering.contract.outputs
    if schema is None:
        return {}
    merged = {key: value for name in offering.steps for key, value in outputs.get(name, {}).items()}
    wanted = {key: merged[key] for key in schema.get("properties", {}) if key in merged}
    kept: dict[str, Any] = contract.with_defaults(schema, wanted)
    return kept


def _outputs(step: Step[Any, Any], given: Mapping[str, Any]) -> Any:
    # What an older handler of this step left may not fit the model of today's.
    with suppress(ValueError):
        return step.outputs.model_validate_json(json.dumps(dict(given)))
    return step.outputs.model_construct(**given)
