"""What is to be said is found lane by lane and place by place, and what is wrong or ends soon without reading the rest.

Revision: 0011
Follows: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NEW = {
    "ix_card_new": ("card", ["place", "run_at", "id"], "(dirty AND error IS NULL AND ts IS NULL) = true"),
    "ix_card_old": ("card", ["place", "run_at", "id"], "(dirty AND error IS NULL AND ts IS NOT NULL) = true"),
    "ix_card_lease_until": ("card", ["lease_until"], "lease_until IS NOT NULL"),
    "ix_card_error": ("card", ["id"], "error IS NOT NULL"),
    "ix_step_stopped": ("step", ["request_id", "id"], "state IN ('failed', 'parked')"),
    "ix_instance_alive_expires_at": ("instance", ["expires_at"], "state IN ('ready', 'changing')"),
    "ix_instance_resource_trouble": ("instance_resource", ["id"], "trouble IS NOT NULL AND deleted_at IS NULL"),
}


def upgrade() -> None:

    for name, (table, columns, where) in _NEW.items():
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_index("ix_lane_next_at", "lane", ["next_at"])
    op.create_index("ix_delivery_state_lane", "delivery", ["state", "lane", "id"])
    op.drop_index("ix_delivery_lane_state", "delivery")
    op.drop_index("ix_instance_expires_at", "instance")


def downgrade() -> None:

    op.create_index("ix_instance_expires_at", "instance", ["expires_at"])
    op.create_index("ix_delivery_lane_state", "delivery", ["lane", "state", "id"])
    op.drop_index("ix_delivery_state_lane", "delivery")
    op.drop_index("ix_lane_next_at", "lane")
    for name, (table, _, _) in _NEW.items():
        op.drop_index(name, table)
