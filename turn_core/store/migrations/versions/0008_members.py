"""Members and their roles."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EVERYWHERE = sa.text("project_id IS NULL")


def upgrade() -> None:
    """Make the table."""
    op.create_table("member",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_at", ID, nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'reviewer', 'owner')", name=op.f("ck_member_role")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_member_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_member_project_id_name")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_member_everywhere", "member", ["name"], unique=True, sqlite_where=EVERYWHERE, postgresql_where=EVERYWHERE)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("member")
