"""The queues that steps wait in.

Revision: 0006
Follows: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("queue", sa.String(), server_default=sa.text("''"), nullable=False))
        batch_op.create_index("ix_step_queue", ["state", "queue", "run_at"], unique=False)

    # What an older process lays down beside us has no queue, and therefore no limit.
    op.execute(
        "UPDATE step SET queue = (SELECT request.offering FROM request WHERE request.id = step.request_id)"
        " || '/' || coalesce(handler, '') WHERE state NOT IN ('done', 'skipped')"
    )


def downgrade() -> None:

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index("ix_step_queue")
        batch_op.drop_column("queue")
