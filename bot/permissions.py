"""Who may do what to a request. Compares persons, whatever door they came through."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from bot.errors import Forbidden
from bot.lifecycle import ApprovalRule, Approve, missing
from bot.offering import Offering
from bot.people import Groups
from bot.store.records import InstanceRecord, PersonRecord, RequestRecord, StepRecord


class Permissions:
    """Asks the groups as they are now, at the click and not at the posting. May raise Unavailable."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups

    def may_read(self, person: PersonRecord, record: RequestRecord, offering: Offering[Any] | None) -> bool:
        """Requester, owner, approvers, those who are asked to do something, and the team of the offering."""
        if person.id in {record.requester.id, record.owner.id, *(d.person.id for d in record.decisions)}:
            return True
        whos = [who for rule in record.rules for who in rule.who]
        whos += [step.ask["group"] for step in record.asking if step.ask]
        return self.groups.any([*whos, *([offering.owner] if offering else [])], person)

    def may_read_instance(self, person: PersonRecord, record: InstanceRecord, offering: Offering[Any] | None) -> bool:
        """Its owner and the team of the offering."""
        return person.id == record.owner.id or bool(offering and self.groups.includes(offering.owner, person))

    def rules_for(self, person: PersonRecord, record: RequestRecord) -> list[int]:
        """Indices of the rules that a decision of this person counts for. Raises Forbidden with the reason."""
        member = [i for i, rule in enumerate(record.rules) if self.groups.any(rule.who, person)]
        if not member:
            raise Forbidden(f"{record.number} is for {who_decides(record.rules)} to decide. Ask one of them.")
        allowed = [i for i in member if person.id != record.requester.id or record.rules[i].requester_may]
        if not allowed:
            raise Forbidden(
                f"You asked for {record.number} yourself, so somebody else of {who_decides(record.rules)} has to "
                "decide. You can withdraw it."
            )
        return allowed

    def stuck(self, record: RequestRecord) -> list[ApprovalRule]:
        """Rules of a request that waits for approval which too few people are left to meet. May raise Unavailable."""
        if record.state != "awaiting_approval":
            return []
        given = [Approve(d.person.id, d.rules) for d in record.decisions if d.current and d.verdict == "approve"]
        wanted = zip(record.rules, missing(record.rules, given), strict=True)
        return [rule for rule, more in wanted if more and not self._enough(rule, more, record)]

    def _enough(self, rule: ApprovalRule, more: int, record: RequestRecord) -> bool:
        """Whether `more` people are there who may decide and have not; asks of no more people than it needs."""
        done = {ref for d in record.decisions if d.current for ref in _references(d.person)}
        done |= set() if rule.requester_may else _references(record.requester)
        everybody = {member.lower(): member for who in rule.who for member in self.groups.everybody(who)}
        there = (member for key, member in everybody.items() if key not in done and not self.groups.has_left(member))
        return len(list(islice(there, more))) == more

    def waits_for(self, person: PersonRecord, record: RequestRecord) -> bool:
        """Whether a decision or a task of this request waits for this person."""
        if any(step.ask and self.groups.includes(step.ask["group"], person) for step in record.asking):
            return True
        if record.state != "awaiting_approval" or any(d.current and d.person.id == person.id for d in record.decisions):
            return False
        mine = person.id == record.requester.id
        return any(self.groups.any(rule.who, person) for rule in record.rules if rule.requester_may or not mine)

    def require_asked(self, person: PersonRecord, record: RequestRecord, step: StepRecord) -> None:
        """Only those whom a step asks may answer. Raises Forbidden."""
        group = step.ask["group"] if step.ask else ""
        if not self.groups.includes(group, person):
            raise Forbidden(f"{step.name} of {record.number} is for {group} to do. Ask one of them.")

    def require_requester(self, person: PersonRecord, record: RequestRecord) -> None:
        """Only the requester may withdraw or edit. Raises Forbidden."""
        if person.id != record.requester.id:
            raise Forbidden(f"Only {record.requester.label}, who asked for {record.number}, can do that.")

    def require_owner(self, person: PersonRecord, record: InstanceRecord, offering: Offering[Any] | None) -> None:
        """Only its owner and the team of its offering may change, renew or end an instance. Raises Forbidden."""
        if person.id != record.owner.id and not (offering and self.groups.includes(offering.owner, person)):
            raise Forbidden(f"{record.number} is {record.owner.label}'s. Ask them.")

    def require_team(self, person: PersonRecord, record: RequestRecord, offering: Offering[Any] | None) -> None:
        """Only the team of the offering may retry. Raises Forbidden."""
        owner = offering.owner if offering else "the platform's team"
        if offering is None or not self.groups.includes(owner, person):
            raise Forbidden(f"{record.number} is looked after by {owner}. Ask one of them.")


def _references(person: PersonRecord) -> set[str]:
    """What a group may call somebody."""
    return {reference.lower() for reference in (person.slack_id, person.email) if reference}


def who_decides(rules: Sequence[ApprovalRule]) -> str:
    """`@dba and 2 of @security`."""
    return " and ".join(str(rule) for rule in rules)
