"""The graph of steps, timers, and news from elsewhere.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "incoming",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("incoming", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incoming_at"), ["at"], unique=False)

    op.create_table(
        "process",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("parts", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    with op.batch_alter_table("process", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_process_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "timer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=True),
        sa.Column("instance_id", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"],
            ["instance.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("timer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timer_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_timer_instance_id"), ["instance_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_timer_name"), ["name"], unique=True)
        batch_op.create_index(batch_op.f("ix_timer_request_id"), ["request_id"], unique=False)

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("channel", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ts", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_delivery_key"), ["key"], unique=True)

    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.add_column(sa.Column("renewals", sa.Integer(), server_default=sa.text("0"), nullable=False))

    with op.batch_alter_table("instance_resource", schema=None) as batch_op:
        batch_op.add_column(sa.Column("after", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("reference", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("look_at", sa.DateTime(), nullable=True))
        batch_op.create_index(batch_op.f("ix_instance_resource_look_at"), ["look_at"], unique=False)
        batch_op.create_index("ix_instance_resource_reference", ["handler", "reference"], unique=False)

    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("traceparent", sa.String(), nullable=True))

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("offering", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("after", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("always", sa.Boolean(), server_default=sa.text("(false)"), nullable=False))
        batch_op.add_column(sa.Column("polls", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("deadline_at", sa.DateTime(), nullable=True))


def downgrade() -> None:

    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_column("deadline_at")
        batch_op.drop_column("polls")
        batch_op.drop_column("always")
        batch_op.drop_column("after")
        batch_op.drop_column("offering")

    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.drop_column("traceparent")
        batch_op.drop_column("before")

    with op.batch_alter_table("instance_resource", schema=None) as batch_op:
        batch_op.drop_index("ix_instance_resource_reference")
        batch_op.drop_index(batch_op.f("ix_instance_resource_look_at"))
        batch_op.drop_column("look_at")
        batch_op.drop_column("reference")
        batch_op.drop_column("after")

    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.drop_column("renewals")

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_key"))
        batch_op.drop_column("ts")
        batch_op.drop_column("channel")
        batch_op.drop_column("key")

    with op.batch_alter_table("timer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_timer_request_id"))
        batch_op.drop_index(batch_op.f("ix_timer_name"))
        batch_op.drop_index(batch_op.f("ix_timer_instance_id"))
        batch_op.drop_index(batch_op.f("ix_timer_due_at"))

    op.drop_table("timer")
    with op.batch_alter_table("process", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_process_seen_at"))

    op.drop_table("process")
    with op.batch_alter_table("incoming", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_incoming_at"))

    op.drop_table("incoming")
