"""What an update changes, and steps that are begun anew.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("previous", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("reruns", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_column("reruns")
        batch_op.drop_column("previous")
