"""Whom a request involves says of which offering: who decides most of all requests may see few of one.

Revision: 0015
Follows: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("involved", sa.Column("offering", sa.String(), server_default=sa.text("''"), nullable=False))
    op.execute("UPDATE involved SET offering = (SELECT offering FROM request WHERE request.id = involved.request_id)")
    op.create_index("ix_involved_offering", "involved", ["is_group", "who", "offering", "request_id"])


def downgrade() -> None:

    op.drop_index("ix_involved_offering", "involved")
    op.drop_column("involved", "offering")
