"""Jira issues that were made before answers had a reference: they are looked at, and heard of, like all others.

Revision: 0010
Follows: 0009
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from bot.store.database import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ROW = sa.table(
    "instance_resource",
    sa.column("id", sa.Integer),
    sa.column("handler", sa.String),
    sa.column("reference", sa.String),
    sa.column("state", sa.JSON),
    sa.column("look_at", Instant),
    sa.column("deleted_at", Instant),
)


def upgrade() -> None:

    connection, now = op.get_bind(), datetime.now(UTC)  # noqa: TID251 - no clock is injected here
    old = sa.select(_ROW.c.id, _ROW.c.state).where(
        _ROW.c.handler == "jira", _ROW.c.reference.is_(None), _ROW.c.deleted_at.is_(None)
    )
    known = [(key, state["id"]) for key, state in connection.execute(old).all() if "id" in (state or {})]
    for number, (key, reference) in enumerate(known):
        # Spread, so that Jira is not asked about all of them at once.
        at = now + timedelta(seconds=2 * number)
        connection.execute(sa.update(_ROW).where(_ROW.c.id == key).values(reference=str(reference), look_at=at))


def downgrade() -> None:
    """Nothing to take back: an older process knows the column, and fills it for what it makes."""
