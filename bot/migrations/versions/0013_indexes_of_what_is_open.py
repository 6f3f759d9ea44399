"""Indexes hold what is open, not what is over, and those that no question goes by are gone.

Revision: 0013
Follows: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNUSED = {
    "ix_event_instance_id": ("event", ["instance_id"]),
    "ix_instance_offering": ("instance", ["offering"]),
    # The table's unique key begins with the same column.
    "ix_decision_request_id": ("decision", ["request_id"]),
    "ix_instance_resource_instance_id": ("instance_resource", ["instance_id"]),
}
#: As they were, and as they are.
_WHOLE = {
    "ix_request_offering_state": ("request", ["offering", "state", "ended_at"]),
    "ix_request_owner": ("request", ["owner_id", "id"]),
    "ix_instance_resource_reference": ("instance_resource", ["handler", "reference"]),
    "ix_instance_resource_handler_look_at": ("instance_resource", ["handler", "look_at"]),
    "ix_step_state_run_at": ("step", ["state", "run_at"]),
    "ix_card_dirty_run_at": ("card", ["dirty", "run_at"]),
    "ix_delivery_state_run_at": ("delivery", ["state", "run_at"]),
}
_PARTS = {
    "ix_request_offering_state": ("request", ["offering", "state", "id"], None),
    "ix_request_usual": ("request", ["offering", "ended_at"], "state = 'fulfilled' AND kind = 'create'"),
    "ix_request_owner": ("request", ["owner_id", "id"], "owner_id IS NOT NULL"),
    "ix_instance_resource_reference": ("instance_resource", ["handler", "reference"], "reference IS NOT NULL"),
    "ix_instance_resource_handler_look_at": ("instance_resource", ["handler", "look_at"], "look_at IS NOT NULL"),
    "ix_step_state_run_at": ("step", ["state", "run_at"], "run_at IS NOT NULL"),
    "ix_card_dirty_run_at": ("card", ["run_at"], "dirty = true"),
    "ix_card_astray": ("card", ["place", "id"], "(dirty AND error IS NOT NULL) = true"),
    "ix_card_channel": ("card", ["place", "id"], "channel IS NOT NULL"),
    "ix_delivery_state_run_at": ("delivery", ["state", "run_at"], "(state = 'waiting' OR state = 'failed')"),
}
_ERRORS = sa.text("error IS NOT NULL")


def upgrade() -> None:

    for name, (table, _) in {**_UNUSED, **_WHOLE}.items():
        op.drop_index(name, table)
    op.drop_index("ix_card_error", "card")
    for name, (table, columns, part) in _PARTS.items():
        where = sa.text(part) if part else None
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:

    for name, (table, *_) in _PARTS.items():
        op.drop_index(name, table)
    op.create_index("ix_card_error", "card", ["id"], sqlite_where=_ERRORS, postgresql_where=_ERRORS)
    for name, (table, columns) in {**_UNUSED, **_WHOLE}.items():
        op.create_index(name, table, columns)
