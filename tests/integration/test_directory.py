"""People and groups as Slack's Web API tells them, over real HTTP against the workspace."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bot.demo.server import Server, build
from bot.demo.slack import population
from bot.demo.slack.workspace import Workspace
from bot.errors import Unavailable
from bot.people import Groups, Profile
from bot.slack import door
from bot.slack.directory import FRESH, SlackDirectory
from tests.integration.standing_server import StandingServer
from tests.unit.records import EVE


@dataclass
class Book:
    """A directory over a workspace, with a clock that is moved by hand."""

    workspace: Workspace
    url: str
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        client = door.client(population.BOT_TOKEN, f"{self.url}/api/")
        self.directory = SlackDirectory(client, lambda: self.seconds)

    def id_of(self, handle: str) -> str:
        return self.workspace.find_person(handle).id

    def ids_of(self, *handles: str) -> frozenset[str]:
        return frozenset(self.id_of(handle) for handle in handles)

    def calls(self, method: str) -> int:
        return len(self.workspace.calls(method))


@pytest.fixture(scope="module")
def server() -> Iterator[StandingServer]:
    with StandingServer().running() as standing:
        yield standing


@pytest.fixture
def book(server: StandingServer) -> Book:
    workspace = population.populated()
    server.serve(build(workspace))
    return Book(workspace, server.url)


def test_a_person_is_found_by_address_and_by_id(book: Book) -> None:
    ada = book.directory.find("ada@example.com")
    assert ada is not None
    assert (ada.slack_id, ada.email, ada.name) == (book.id_of("ada"), "ada@example.com", "Ada Lovelace")
    assert ada.team_id
    assert book.directory.find(ada.slack_id) == ada


@pytest.mark.parametrize("reference", ["nobody@example.com", "U0NOBODY", "nonsense"])
def test_nobody_is_nobody(book: Book, reference: str) -> None:
    assert book.directory.find(reference) is None


def test_who_was_deactivated_is_nobody(book: Book) -> None:
    ada = book.workspace.find_person("ada")
    ada.deleted = True
    assert book.directory.find(ada.id) is None
    assert book.directory.find("ada@example.com") is None


def test_what_was_being_asked_when_something_changed_is_not_remembered(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack's answer is on its way when an event tells that it is not so any more."""
    find = book.directory.find

    def slowly(reference: str) -> Profile | None:
        found = find(reference)
        book.workspace.find_person("ada").deleted = True
        book.directory.forget()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(book.directory, "find", slowly)
        assert not book.directory.has_left(book.id_of("ada"))
    assert book.directory.has_left(book.id_of("ada"))


def test_a_group_is_found_by_handle_and_id_in_any_case_and_remembered(book: Book) -> None:
    members = book.directory.members("@DBA")
    assert members == book.ids_of("grace", "linus")
    group = book.directory.group("dba")
    assert group is not None
    assert book.directory.members(group.id) == members
    assert book.directory.mention("@dba") == f"<!subteam^{group.id}>"
    assert book.directory.members("@nowhere") is None
    assert book.directory.mention("@nowhere") is None
    assert book.directory.mention("U1") is None
    assert (book.calls("usergroups.list"), book.calls("usergroups.users.list")) == (1, 1)


def test_after_a_minute_a_group_is_asked_for_again(book: Book) -> None:
    assert book.directory.members("@security") == book.ids_of("margaret")
    next(group for group in book.workspace.groups.values() if group.handle == "security").members.append("U0NEW")
    book.seconds += FRESH
    assert book.directory.members("@security") == book.ids_of("margaret")
    book.seconds += 1
    assert book.directory.members("@security") == book.ids_of("margaret") | {"U0NEW"}


def test_what_is_remembered_serves_while_slack_is_away_and_then_nothing_is_guessed(book: Book) -> None:
    known = book.directory.members("@dba")
    book.workspace.refuse("usergroups.list", error="fatal_error", times=9)
    book.workspace.refuse("usergroups.users.list", status=503, times=9)
    assert book.directory.members("@dba") == known
    book.seconds += FRESH + 1
    with pytest.raises(Unavailable, match=r"Slack could not say who that is \(fatal_error\). Try again."):
        book.directory.members("@dba")
    assert book.directory.mention("@dba") is None  # a text is written without it


def test_an_answer_that_did_not_come_is_not_remembered(book: Book) -> None:
    book.workspace.refuse("usergroups.list", retry_after=5)
    with pytest.raises(Unavailable):
        book.directory.members("@dba")
    assert book.directory.members("@dba")


@pytest.mark.parametrize("error", ["plan_upgrade_required", "missing_scope", "unknown_method"])
def test_a_workspace_without_user_groups_has_none_and_those_of_the_file_count(book: Book, error: str) -> None:
    book.workspace.refuse("usergroups.list", error=error)
    groups = Groups(book.directory, {"dba": ["eve@example.com"]})
    assert book.directory.groups() == ()
    assert groups.includes("@dba", EVE)
    assert not groups.includes("@security", EVE)


@pytest.mark.parametrize("reference", ["ada@example.com", "U01ADA"])
def test_slack_down_is_said_and_is_not_nobody(reference: str) -> None:
    with Server(build(population.populated())) as gone:
        url = gone.url
    directory = SlackDirectory(door.client("xoxb-1", f"{url}/api/"))
    with pytest.raises(Unavailable, match="Slack does not answer just now, so nobody can be looked up. Try again."):
        directory.find(reference)


def test_a_slack_that_answers_nonsense_is_unavailable(book: Book) -> None:
    book.workspace.refuse("users.info", status=502)
    with pytest.raises(Unavailable):
        book.directory.find(book.id_of("ada"))
