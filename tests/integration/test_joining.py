"""One human who was kept as two, on both stores: what was theirs stays theirs, and nobody decides on their own request."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.errors import Forbidden, NotFound, Unavailable
from bot.people import Groups, Profile
from bot.service import Service
from bot.store import people, tables
from bot.store.records import PersonRecord
from tests.conftest import GROUPS, Desk

SHOWN = Profile("U1", "T1", "Grace@Example.com", "Grace Hopper")
HIDDEN = Profile("U1", "T1", None, "Grace Hopper")


class Known:
    """A directory that knows Grace; `profile` is what it shows of her, None is nobody."""

    def __init__(self) -> None:
        self.profile: Profile | None = HIDDEN
        self.left = False
        self.answers = True

    def find(self, reference: str) -> Profile | None:
        if not self.answers:
            raise Unavailable("Slack does not answer.")
        profile = None if self.left else self.profile
        email = profile.email.lower() if profile and profile.email else None
        return profile if reference in {"U1", email} else None

    def members(self, handle: str) -> frozenset[str] | None:
        return None

    def has_left(self, slack_id: str) -> bool:
        return self.find(slack_id) is None


@pytest.fixture
def directory() -> Known:
    return Known()


@pytest.fixture
def service(desk: Callable[..., Desk], directory: Known) -> Service:
    opened = desk()
    groups = {**GROUPS, "dba": ["grace@example.com", "U1", "linus@example.com"]}
    return Service(opened.database, opened.catalogue, Groups(directory, groups), opened.safe)


def halves(service: Service) -> tuple[PersonRecord, PersonRecord]:
    """Grace as Slack shows her, without an address; and as a token was made for her address."""
    with service.database.write() as tx:
        by_address = people.remember_email(tx, "grace@example.com")
        in_slack = people.remember(tx, HIDDEN)
    assert by_address.id != in_slack.id
    return in_slack, by_address


def rows(service: Service, table: type) -> list:  # type: ignore[type-arg]
    with service.database.read() as session:
        return list(session.exec(select(table)).all())


def test_two_rows_become_one_once_slack_shows_the_address(service: Service) -> None:
    in_slack, by_address = halves(service)
    token = service.create_token("grace@example.com")
    mine, _ = service.submit(in_slack, "postgres", {"name": "one"}, key="k")
    other, _ = service.submit(by_address, "postgres", {"name": "two"}, key="k")
    service.keep(by_address, "postgres", "v1", lambda _old: {"name": "draft"})
    grace = service.remember(SHOWN)
    assert (grace.id, grace.email, grace.slack_id) == (in_slack.id, "grace@example.com", "U1")
    known = service.person_by_token(token)
    assert known is not None
    assert known.id == grace.id
    assert {record.number for record in service.mine(grace).items} == {mine.number, other.number}
    assert {record.owner.id for record in service.instances(grace).items} == {grace.id}
    told = [row for row in rows(service, tables.Delivery) if row.kind == "message"]
    assert {(row.lane, row.payload["person"]) for row in told} == {(f"person:{grace.id}", grace.id)}
    assert by_address.id not in {row.id for row in rows(service, tables.Person)}
    assert service.submit(grace, "postgres", {"name": "one"}, key="k")[0].number == mine.number


def test_nobody_approves_their_own_request_under_their_other_name(service: Service, directory: Known) -> None:
    in_slack, by_address = halves(service)
    record, _ = service.submit(in_slack, "postgres", {"name": "one"})
    directory.profile = SHOWN  # and no event has told of it
    with pytest.raises(Forbidden, match="You asked for"):
        service.approve(by_address, record.number)
    assert service.show(in_slack, record.number).decisions == []


def test_nobody_approves_in_slack_what_they_asked_for_by_address(service: Service, directory: Known) -> None:
    in_slack, by_address = halves(service)
    record, _ = service.submit(by_address, "postgres", {"name": "one"})
    directory.profile = SHOWN
    with pytest.raises(Forbidden, match="You asked for"):
        service.approve(in_slack, record.number)


def test_an_approval_that_turns_out_to_be_the_requesters_own_counts_no_more(
    desk: Callable[..., Desk], directory: Known, tmp_path: Path
) -> None:
    (tmp_path / "two.py").write_text(
        '"""Two"""\n\nfrom bot import Approval, Form, Offering, Request\nfrom bot.handlers import manual\n\n\nclass Wish(Form):\n    name: str\n\n\n'
        'two = Offering("two", Wish, owner="@dba", notify="#x", approval=Approval("@dba", count=2))\n'
        "\n\n@two.step\ndef work(request: Request[Wish]) -> manual.Task:\n    return manual.Task(group='@dba', instructions='Do it.')\n"
    )
    opened = desk(tmp_path)
    groups = {"dba": ["grace@example.com", "U1", "linus@example.com"]}
    service = Service(opened.database, opened.catalogue, Groups(directory, groups))
    in_slack, by_address = halves(service)
    own, _ = service.submit(in_slack, "two", {"name": "own"})
    service.approve(by_address, own.number)
    other, _ = service.submit(opened.linus, "two", {"name": "other"})
    service.approve(in_slack, other.number)
    twice, _ = service.submit(opened.ada, "two", {"name": "twice"})
    service.approve(in_slack, twice.number)
    with service.database.write() as tx:  # as a process without a directory lets her, a second time
        tx.add(
            tables.Decision(
                request_id=twice.id, person_id=by_address.id, revision=1, verdict="approve", rules=[0], at=tx.now
            )
        )
    grace = service.remember(SHOWN)
    assert [d.person.id for d in service.show(grace, own.number).decisions] == []
    assert [d.person.id for d in service.show(grace, other.number).decisions] == [grace.id]
    assert [d.person.id for d in service.show(grace, twice.number).decisions] == [grace.id]
    assert service.show(grace, twice.number).state == "awaiting_approval"
    assert service.approve(opened.linus, twice.number).state == "fulfilling"


def test_a_token_by_address_is_a_token_of_whom_slack_shows_with_it(service: Service, directory: Known) -> None:
    in_slack, _ = halves(service)
    directory.profile = SHOWN
    known = service.person_by_token(service.create_token("grace@example.com"))
    assert known is not None
    assert known.id == in_slack.id


def test_two_accounts_with_one_address_stay_two(service: Service) -> None:
    """An address that somebody else has now: what was the one's is not the other's."""
    first = service.remember(SHOWN)
    second = service.remember(Profile("U2", "T1", "grace@example.com", "Another Grace"))
    assert first.id != second.id
    assert second.email is None


# People who leave


def test_tokens_end_with_the_account_also_if_no_event_told_of_it(service: Service, directory: Known) -> None:
    directory.profile = SHOWN
    grace = service.remember(SHOWN)
    token = service.create_token("U1")
    directory.left = True
    service.look_around()  # looked up just now
    assert service.person_by_token(token) == grace or service.person_by_token(token) is not None
    later(service, hours=1)
    directory.answers = False
    service.look_around()
    assert service.person_by_token(token) is not None, "a Slack that is away ends nobody's token"
    directory.answers = True
    later(service, hours=1)
    service.look_around()
    assert service.person_by_token(token) is None


def later(service: Service, **by: float) -> None:
    clock = service.database._clock
    clock.now += timedelta(**by)  # type: ignore[attr-defined] # the test's clock


def test_without_a_directory_nobody_has_left(desk: Callable[..., Desk]) -> None:
    opened = desk()
    opened.service.remember(SHOWN)
    token = opened.service.create_token("U1")
    opened.clock.forward(days=2)
    opened.service.look_around()
    assert opened.service.person_by_token(token) is not None


def test_a_reference_that_is_nobody_is_said_so(service: Service) -> None:
    with pytest.raises(NotFound):
        service.create_token("U404")
