"""Writes about people and their tokens."""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import or_
from sqlmodel import col, select, update

from bot.people import Profile
from bot.store import reads, tables
from bot.store.database import Tx
from bot.store.joining import join
from bot.store.records import PersonRecord


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def remember(tx: Tx, profile: Profile) -> PersonRecord:
    """The one row of this human, made or brought up to date.

    A Slack id finds the row first, then a verified e-mail address: somebody who had a token before they came
    through Slack stays one person, so nobody approves their own request by changing doors. Where both found a row,
    because Slack shows the address only now, the two become one.
    """
    email = profile.email.lower() if profile.email else None
    tx.queue("people")
    row = tx.exec(select(tables.Person).where(tables.Person.slack_id == profile.slack_id)).first()
    same = tx.exec(select(tables.Person).where(tables.Person.email == email)).first() if email else None
    if row is None and same is not None and same.slack_id is None:
        row = same
    elif row is not None and same is not None and same.slack_id is None and same.id != row.id:
        join(tx, same, row)
        same = None
    if row is None:
        row = tables.Person(created_at=tx.now)
    row.slack_id, row.team_id = profile.slack_id, profile.team_id or row.team_id
    row.name, row.tz, row.refreshed_at = profile.name or row.name, profile.tz or row.tz, tx.now
    if same is None:
        row.email = email or row.email
    tx.add(row)
    tx.flush()
    return reads.person(row)


def remember_email(tx: Tx, email: str) -> PersonRecord:
    """The row of somebody of whom only the address is known."""
    tx.queue("people")
    row = tx.exec(select(tables.Person).where(tables.Person.email == email.lower())).first()
    if row is None:
        row = tables.Person(email=email.lower(), created_at=tx.now)
        tx.add(row)
        tx.flush()
    return reads.person(row)


def create_token(tx: Tx, person_id: int) -> str:
    """A new bearer token; it is told once and only its hash is kept."""
    token = "fd_" + secrets.token_urlsafe(32)
    tx.add(tables.Token(person_id=person_id, hash=digest(token), created_at=tx.now))
    return token


def look_after(tx: Tx, before: timedelta, most: int) -> list[PersonRecord]:
    """People with tokens whom nobody has looked up for so long; looked up from now on, so nobody else does it too."""
    person, token = tables.Person, tables.Token
    holders = select(token.person_id).where(col(token.revoked_at).is_(None))
    query = (
        select(person)
        .where(col(person.slack_id).is_not(None), col(person.id).in_(holders))
        .where(or_(col(person.refreshed_at).is_(None), col(person.refreshed_at) <= tx.now - before))
        .order_by(col(person.refreshed_at))
        .limit(most)
    )
    found = tx.exec(query.with_for_update(skip_locked=True)).all()
    for row in found:
        row.refreshed_at = tx.now
        tx.add(row)
    return [reads.person(row) for row in found]


def revoke_tokens(tx: Tx, person_id: int) -> int:
    """Ends all tokens of a person; says how many there were."""
    mine = (col(tables.Token.person_id) == person_id, col(tables.Token.revoked_at).is_(None))
    return tx.exec(update(tables.Token).where(*mine).values(revoked_at=tx.now)).rowcount
