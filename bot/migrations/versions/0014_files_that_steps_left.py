"""A file that somebody left in a step is marked as used there: those of before stay, whether anybody has them or not.

Revision: 0014
Follows: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.execute("UPDATE file SET used = true")


def downgrade() -> None:
    """What is marked stays so: nobody knows any more what was not."""
