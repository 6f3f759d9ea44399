"""Of somebody's many requests and decisions the few of an offering or a state are found by an index.

Revision: 0016
Follows: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEW = {
    "ix_request_requester_offering": (["requester_id", "offering", "state", "id"], None),
    "ix_request_requester_state": (["requester_id", "state", "id"], None),
    "ix_request_owner_offering": (["owner_id", "offering", "state", "id"], "owner_id IS NOT NULL"),
    "ix_request_owner_state": (["owner_id", "state", "id"], "owner_id IS NOT NULL"),
}


def upgrade() -> None:

    server = op.get_bind().dialect.name == "postgresql"
    if server:  # both tables change: who writes has locked a request first, and nobody may be between the two
        op.execute("LOCK TABLE request IN EXCLUSIVE MODE")
    for name, (columns, part) in _NEW.items():
        where = sa.text(part) if part else None
        op.create_index(name, "request", columns, sqlite_where=where, postgresql_where=where)
    op.add_column("decision", sa.Column("offering", sa.String(), server_default=sa.text("''"), nullable=False))
    op.execute("UPDATE decision SET offering = (SELECT offering FROM request WHERE request.id = decision.request_id)")
    op.create_index("ix_decision_offering", "decision", ["person_id", "offering", "request_id"])
    if server:  # offerings differ in what becomes of their requests: else it takes the index of the state alone
        op.execute("CREATE STATISTICS st_request_offering_state (mcv) ON offering, state FROM request")
        op.execute("ANALYZE request")


def downgrade() -> None:

    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP STATISTICS st_request_offering_state")
    op.drop_index("ix_decision_offering", "decision")
    op.drop_column("decision", "offering")
    for name in _NEW:
        op.drop_index(name, "request")
