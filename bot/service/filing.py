"""Files that are answers: taken in, and recognised in a form."""

import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from bot import contract
from bot.contract import Question, Schema
from bot.errors import Invalid, Problem
from bot.service.desk import Desk
from bot.store import files
from bot.store.files import FileRecord
from bot.store.records import PersonRecord

log = logging.getLogger(__name__)

JSON = dict[str, Any]
_NAME = 255


class Filing(Desk):
    """Takes files in."""

    def upload(self, person: PersonRecord, name: str, media_type: str, content: bytes) -> FileRecord:
        """Keep a file that is to be an answer of this person's. Raises Invalid."""
        if not content or not 0 < len(name) <= _NAME:
            raise Invalid([], f"A file has a name of at most {_NAME} characters, and something in it.")
        file = FileRecord(f"FILE-{secrets.token_hex(16)}", person.id, name, len(content), media_type, content)
        with self.database.write() as tx:
            files.add(tx, file)
        return file

    def attach(self, person: PersonRecord, schema: Schema, answers: Mapping[str, Any]) -> None:
        """Remember whose files these are, which a person has chosen where they lie already (in Slack)."""
        found = [value for _, value in _files(schema, answers) if isinstance(value, dict) and _is_elsewhere(value)]
        if not found:
            return
        with self.database.write() as tx:
            for each in found:
                size = each["size"] if isinstance(each.get("size"), int) else 0
                file = FileRecord(each["id"], person.id, str(each.get("name")), size, str(each.get("type")))
                files.add(tx, file)

    def sweep_files(self) -> int:
        """Let go of files that came and became nobody's answer within a day; how many. Every hour.

        One that a draft has may become an answer yet: it waits another day.
        """
        swept = 0
        while True:
            with self.database.read() as session:
                found = files.waiting(session, self.database.now())
                used = [file for file, person in found if files.is_asked_with(session, file, person)]
                drafted = [file for file, person in found if files.is_drafted(session, file, person)]
            with self.database.write() as tx:
                files.mark_used(tx, used)
                files.hold(tx, drafted)
                swept += files.sweep(tx, [file for file, _ in found])
            if len(found) < files.AT_ONCE:
                log.log(logging.INFO if swept else logging.DEBUG, "%s files that nobody has used are gone", swept)
                return swept

    def _unknown_files(self, person: PersonRecord, schema: Schema, answers: Mapping[str, Any]) -> list[Problem]:
        """Answers that are no file of this person's."""
        given = list(_files(schema, answers))
        if not given:
            return []
        with self.database.read() as session:
            known = {_id(value): files.find(session, _id(value)) for _, value in given}
        with self.database.write() as tx:  # none goes between this check and the request
            held = files.hold(tx, list(known))
        return [
            Problem(contract.pointer(place), "Is no file that you have uploaded. Choose it again.")
            for place, value in given
            if (file := known[_id(value)]) is None
            or file.id not in held
            or file.person_id != person.id
            or not _is_as_said(file, value)
        ]


def named_files(schema: Schema, answers: Mapping[str, Any]) -> list[str]:
    """The ids of all files among these answers."""
    return [_id(value) for _, value in _files(schema, answers)]


def _files(schema: Schema, answers: Mapping[str, Any]) -> Iterable[tuple[tuple[str | int, ...], Any]]:
    """Each answer that is a file, and where it stands."""
    found: list[tuple[tuple[str | int, ...], Any]] = []
    if not _asks_for_files(schema):
        return found

    def look(question: Question, value: Any, place: tuple[str | int, ...]) -> Any:
        if question.kind == "file" and value is not None:
            found.append((place, value))
        return value

    contract.mapped(schema, answers, look)
    return found


@contract.remembered
def _asks_for_files(schema: Schema) -> bool:
    return any(part.get("format") == "file" for part in contract.parts(schema))


def _id(value: Any) -> str:
    return str(value.get("id")) if isinstance(value, dict) else ""


def _is_elsewhere(value: JSON) -> bool:
    return isinstance(value.get("id"), str) and not value["id"].startswith("FILE-")


def _is_as_said(file: FileRecord, value: JSON) -> bool:
    return file.content is None or file.as_answer() == value
