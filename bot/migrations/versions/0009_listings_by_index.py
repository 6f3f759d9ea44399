"""Listings that find their page by an index, and whom a request involves.

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_DECIDERS = {
    "sqlite": """
        INSERT INTO involved (request_id, step, who, is_group, waits, not_for)
        SELECT id, '', CASE WHEN grp THEN who ELSE lower(trim(who)) END, grp, waits, CASE WHEN max(may) THEN NULL ELSE requester_id END
        FROM (
            SELECT request.id, request.requester_id, request.state = 'awaiting_approval' AS waits, whos.value AS who,
                   (whos.value GLOB '@*' OR (whos.value GLOB 'S*' AND whos.value NOT GLOB '*[^A-Z0-9]*')) AS grp,
                   json_extract(rules.value, '$.requester_may') AS may
            FROM request, json_each(request.rules) AS rules, json_each(rules.value, '$.who') AS whos
        ) AS found GROUP BY id, 3, grp, waits, requester_id
    """,
    "postgresql": """
        INSERT INTO involved (request_id, step, who, is_group, waits, not_for)
        SELECT id, '', CASE WHEN grp THEN who ELSE lower(trim(who)) END, grp, waits, CASE WHEN bool_or(may) THEN NULL ELSE requester_id END
        FROM (
            SELECT request.id, request.requester_id, request.state = 'awaiting_approval' AS waits, whos.value AS who,
                   (whos.value LIKE '@%' OR whos.value ~ '^S[A-Z0-9]*$') AS grp,
                   (rules.value ->> 'requester_may')::boolean AS may
            FROM request, json_array_elements(request.rules) AS rules,
                 json_array_elements_text(rules.value -> 'who') AS whos
        ) AS found GROUP BY id, 3, grp, waits, requester_id
    """,
}
_ASKED = {
    "sqlite": """
        INSERT INTO involved (request_id, step, who, is_group, waits)
        SELECT request_id, name, CASE WHEN grp THEN who ELSE lower(trim(who)) END, grp, 1 FROM (
            SELECT request_id, name, who, (who GLOB '@*' OR (who GLOB 'S*' AND who NOT GLOB '*[^A-Z0-9]*')) AS grp
            FROM (SELECT request_id, name, json_extract(ask, '$.group') AS who FROM step WHERE state = 'pending' AND ask IS NOT NULL)
        )
    """,
    "postgresql": """
        INSERT INTO involved (request_id, step, who, is_group, waits)
        SELECT request_id, name, CASE WHEN grp THEN who ELSE lower(trim(who)) END, grp, true FROM (
            SELECT request_id, name, who, (who LIKE '@%' OR who ~ '^S[A-Z0-9]*$') AS grp
            FROM (SELECT request_id, name, ask ->> 'group' AS who FROM step WHERE state = 'pending' AND ask IS NOT NULL) AS asking
        ) AS found
    """,
}


def upgrade() -> None:

    op.create_table(
        "involved",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("is_group", sa.Boolean(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("not_for", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"]),
        sa.ForeignKeyConstraint(["not_for"], ["person.id"]),
        sa.PrimaryKeyConstraint("request_id", "step", "who"),
    )
    dialect = op.get_bind().dialect.name
    op.execute(_DECIDERS[dialect])
    op.execute(_ASKED[dialect])
    op.create_index("ix_involved_who", "involved", ["is_group", "who", "waits", "request_id"])

    op.execute("ALTER TABLE request ADD COLUMN owner_id INTEGER REFERENCES person (id)")  # by Alembic a new table
    op.execute(
        "UPDATE request SET owner_id = (SELECT owner_id FROM instance WHERE instance.id = request.instance_id)"
        " WHERE requester_id != (SELECT owner_id FROM instance WHERE instance.id = request.instance_id)"
    )
    op.create_index("ix_request_owner", "request", ["owner_id", "id"])
    op.create_index("ix_request_offering", "request", ["offering", "id"])
    op.create_index("ix_request_requester", "request", ["requester_id", "id"])
    op.drop_index("ix_request_requester_id", "request")
    op.drop_index("ix_request_state", "request")
    op.create_index("ix_request_state", "request", ["state", "id"])
    where = sa.text("open_instance_id IS NOT NULL")
    op.create_index("ix_request_open", "request", ["requester_id", "id"], sqlite_where=where, postgresql_where=where)

    op.create_index("ix_instance_owner", "instance", ["owner_id", "id"])
    op.drop_index("ix_instance_owner_id", "instance")
    where = sa.text("state != 'deleted'")
    op.create_index("ix_instance_here", "instance", ["owner_id", "id"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_decision_person", "decision", ["person_id", "request_id"])


def downgrade() -> None:

    op.drop_index("ix_decision_person", "decision")
    op.drop_index("ix_instance_here", "instance")
    op.create_index("ix_instance_owner_id", "instance", ["owner_id"])
    op.drop_index("ix_instance_owner", "instance")

    op.drop_index("ix_request_open", "request")
    op.drop_index("ix_request_state", "request")
    op.create_index("ix_request_state", "request", ["state"])
    op.create_index("ix_request_requester_id", "request", ["requester_id"])
    op.drop_index("ix_request_requester", "request")
    op.drop_index("ix_request_offering", "request")
    op.drop_index("ix_request_owner", "request")
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.drop_column("owner_id")

    op.drop_index("ix_involved_who", "involved")
    op.drop_table("involved")
