"""Asking for a change of what somebody lives with: an update is a request too, with its rules and its steps."""

import json
from collections.abc import Mapping
from typing import Any

from bot import secrecy
from bot.errors import Conflict
from bot.lifecycle import InstanceState
from bot.offering import Offering, Request
from bot.service.asking import Asked, Asking, hashed
from bot.service.offers import NO_NUMBER, Checked, Reviewed, rules_of
from bot.store import reads
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord
from bot.store.submitting import NewRequest, NewStep


class Changing(Asking):
    """Makes update requests."""

    def update(
        self,
        person: PersonRecord,
        number: str,
        answers: Mapping[str, Any],
        *,
        version: str | None = None,
        reason: str | None = None,
        key: str | None = None,
    ) -> tuple[RequestRecord, bool]:
        """Ask for other answers; the request, and False when the key had made it before. Raises as `ask_change`."""
        return self._told(self.ask_change(person, number, answers, version=version, reason=reason, key=key))

    def ask_change(
        self,
        person: PersonRecord,
        number: str,
        answers: Mapping[str, Any],
        *,
        version: str | None = None,
        reason: str | None = None,
        key: str | None = None,
        draft: str = "",
    ) -> Asked:
        """Ask for other answers, all of them, for an instance; what an acknowledgement says of it. `draft` as in `ask`.

        `version` moves it to another version of the contract. Steps whose resource stays as it is do nothing; what the
        offering has no step for any more is taken back. Raises NotFound, Forbidden, Conflict, Invalid, Unavailable.
        """
        instance, offering = self.may_update(person, number, version)
        checked = self._checked(person, offering, answers)
        request = _seen(person, instance, offering, checked, reason)
        if not checked.secrets and (dict(checked.kept), offering.version) == (dict(instance.form), instance.version):
            raise Conflict(f"{instance.number} has these answers already, so nothing would change.")
        return self._store(
            NewRequest(
                kind="update",
                offering=offering.name,
                version=offering.version,
                requester_id=person.id,
                form=checked.kept,
                before=instance.form,
                rules=rules_of(offering, request),
                deadline=offering.patience(request),
                steps=[*self._steps_of(offering), *self._gone(instance, offering)],
                place=offering.notify,
                reason=reason,
                instance_id=instance.id,
                key=key,
                body_hash=hashed(instance.number, version, secrecy.masked(offering.guarded, answers), reason),
                secrets=self._put(checked.secrets),
            ),
            draft,
        )

    def may_update(
        self, person: PersonRecord, number: str, version: str | None = None
    ) -> tuple[InstanceRecord, Offering[Any]]:
        """The instance and the offering whose form a change of it fills in. Raises NotFound, Forbidden, Conflict."""
        instance = self.instance(person, number)
        self.permissions.require_owner(person, instance, self.catalogue.offering(instance.offering, instance.version))
        offering = self.catalogue.offering(instance.offering, version or instance.version)
        if offering is None:
            raise Conflict(f"{instance.offering} {version or instance.version} is not offered any more; ask its team.")
        finished = instance.state is InstanceState.FAILED and instance.outputs is not None
        if instance.state is not InstanceState.READY and not finished:
            raise Conflict(f"{instance.number} is {instance.state}, so it cannot be changed now. Nothing was changed.")
        return instance, offering

    def patched(self, person: PersonRecord, number: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """The answers of an instance with some replaced, as JSON Merge Patch has it (RFC 7396). Raises NotFound."""
        merged: dict[str, Any] = _merged(json.loads(json.dumps(dict(self.instance(person, number).form))), patch)
        return merged

    def review(
        self, person: PersonRecord, offering: Offering[Any], answers: Mapping[str, Any], number: str = ""
    ) -> Reviewed:
        """As for a create request; also for a change, with the number of its instance."""
        if not number.startswith("INS-"):
            return super().review(person, offering, answers, number)
        instance, offering = self.may_update(person, number, offering.version)
        checked = self._checked(person, offering, answers)
        rules = rules_of(offering, _seen(person, instance, offering, checked, None))
        return Reviewed(checked.kept, rules, self.described(offering).usual, instance.form)

    def _gone(self, instance: InstanceRecord, offering: Offering[Any]) -> list[NewStep]:
        """What the instance consists of and the offering has no step for any more, backwards."""
        with self.database.read() as session:
            made = reads.resources(session, instance.id)
        return [self._taking_back(row) for row in reversed(made) if row.step not in offering.steps]


def _seen(
    person: PersonRecord, instance: InstanceRecord, offering: Offering[Any], checked: Checked, reason: str | None
) -> Request[Any]:
    """The update as rules see it before it has a number."""
    return Request(
        NO_NUMBER,
        "update",
        checked.form,
        person.as_person(),
        instance.owner.as_person(),
        instance.number,
        reason,
        before=secrecy.form_before(offering.form, offering.guarded, instance.form, NO_NUMBER),
    )


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
