"""Which files a request has: the others go after a while. Those that are there already stay.

Revision: 0012
Follows: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("file", sa.Column("used", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("UPDATE file SET used = true")
    op.create_index("ix_file_used", "file", ["used", "created_at"])


def downgrade() -> None:

    op.drop_index("ix_file_used", "file")
    op.drop_column("file", "used")
