"""Who somebody is, and who belongs to which group. Pure but for the directory that a door brings.

`who` is, everywhere in Frontdesk: a group's handle (`"@dba"`: a Slack user group, or one listed in `groups.toml` in
the offerings folder), an e-mail address, or a Slack id.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.errors import Misconfigured, Unavailable


@dataclass(frozen=True)
class Profile:
    """What a directory knows of one person."""

    slack_id: str
    team_id: str | None = None
    email: str | None = None
    name: str | None = None
    tz: str | None = None


class Directory(Protocol):
    """Where people and groups are looked up; Slack's is in `bot.slack.directory`."""

    def find(self, reference: str) -> Profile | None:
        """One person by e-mail address or Slack id; None when there is nobody. Raises Unavailable."""

    def members(self, handle: str) -> frozenset[str] | None:
        """Slack ids of a user group, by `@handle` or id; None when there is no such group. Raises Unavailable."""

    def has_left(self, slack_id: str) -> bool:
        """Whether the person is known to be there no more. Raises Unavailable."""


class NoDirectory:
    """For a process without Slack: nobody can be looked up."""

    def find(self, reference: str) -> Profile | None:  # noqa: ARG002
        return None

    def members(self, handle: str) -> frozenset[str] | None:  # noqa: ARG002
        return None

    def has_left(self, slack_id: str) -> bool:  # noqa: ARG002
        return False


class Identity(Protocol):
    """Anything that carries what identifies a person."""

    @property
    def slack_id(self) -> str | None: ...

    @property
    def email(self) -> str | None: ...


class Groups:
    """Answers whether somebody is among `who`: groups from `groups.toml` first, then the directory's."""

    def __init__(self, directory: Directory, listed: Mapping[str, Iterable[str]] | None = None) -> None:
        self.directory = directory
        self.listed = {_handle(name): frozenset(members) for name, members in (listed or {}).items()}

    def includes(self, who: str, person: Identity) -> bool:
        """Whether `person` is `who` or one of them, right now. Raises Unavailable when the directory does not answer."""
        mine = {plain(value) for value in (person.slack_id, person.email) if value}
        if not is_group(who):
            return plain(who) in mine
        return bool({plain(member) for member in self.everybody(who)} & mine)

    def any(self, whos: Iterable[str], person: Identity) -> bool:
        """Whether `person` is among any of `whos`; a group that cannot be looked up counts only when none matches."""
        unavailable: Unavailable | None = None
        for who in whos:
            try:
                if self.includes(who, person):
                    return True
            except Unavailable as error:
                unavailable = error
        if unavailable:
            raise unavailable
        return False

    def everybody(self, who: str) -> frozenset[str]:
        """References (Slack ids or e-mail addresses) of all that `who` stands for. Raises Unavailable."""
        if not is_group(who):
            return frozenset({who})
        listed = self.listed.get(_handle(who))
        return listed if listed is not None else self.directory.members(who) or frozenset()

    def has_left(self, reference: str) -> bool:
        """Whether somebody of a group is there no more; an address is taken for somebody. Raises Unavailable."""
        return "@" not in reference and self.directory.has_left(reference)

    def known(self, who: str) -> bool:
        """Whether the group exists; a single person always does. Raises Unavailable."""
        return not is_group(who) or _handle(who) in self.listed or self.directory.members(who) is not None


def is_group(who: str) -> bool:
    """A `@handle`, or the id of a Slack user group (`S...`)."""
    return who.startswith("@") or (who.startswith("S") and who.isalnum() and who.isupper())


def plain(reference: str) -> str:
    """A person's e-mail address or Slack id as it is compared."""
    return reference.strip().lower()


def read_groups(folder: Path) -> dict[str, list[str]]:
    """The groups of `groups.toml` in `folder`: `dba = ["grace@example.com", "U02BOB"]`. Empty without the file."""
    path = folder / "groups.toml"
    if not path.exists():
        return {}
    try:
        groups = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"is not valid TOML: {error}.", where=str(path)) from error
    for name, members in groups.items():
        if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
            raise Misconfigured(
                f"the group {name!r} is not a list of people.",
                where=str(path),
                hint=f'Write {name} = ["grace@example.com", "U02BOB"].',
            )
    return groups


def _handle(name: str) -> str:
    return name.removeprefix("@").lower()
