"""Files that are answers: those that were uploaded here with what is in them, those in Slack by their ids."""

from dataclasses import dataclass, field

from bot.store import tables
from bot.store.database import Session, Tx


@dataclass(frozen=True)
class FileRecord:
    """One file. `size` is in bytes, `type` a media type; `content` is None for one that is elsewhere."""

    id: str
    person_id: int
    name: str
    size: int
    type: str
    content: bytes | None = field(default=None, repr=False)

    def as_answer(self) -> dict[str, str | int]:
        """As a form holds it."""
        return {"id": self.id, "name": self.name, "size": self.size, "type": self.type}


def add(tx: Tx, file: FileRecord) -> None:
    """Remember it; of two with the same id the first one stands."""
    if tx.get(tables.File, file.id) is None:
        tx.add(tables.File(**vars(file), created_at=tx.now))


def find(session: Session, file_id: str) -> FileRecord | None:
    """One file, with what is in it."""
    row = session.get(tables.File, file_id)
    return FileRecord(row.id, row.person_id, row.name, row.size, row.type, row.content) if row else None
