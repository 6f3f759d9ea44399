"""What was seen of a resource where it stands.

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:

    with op.batch_alter_table("instance_resource", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seen", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("trouble", sa.Text(), nullable=True))


def downgrade() -> None:

    with op.batch_alter_table("instance_resource", schema=None) as batch_op:
        batch_op.drop_column("trouble")
        batch_op.drop_column("seen")
