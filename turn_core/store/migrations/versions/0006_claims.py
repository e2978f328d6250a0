"""Which cards reviewers have before them, so that no two get the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table("claim",
        sa.Column("sample_id", ID, autoincrement=False, nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("queue_key", sa.Text(), nullable=False),
        sa.Column("lease_until", ID, nullable=False),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_claim_project_id_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "reviewer", "holder", name=op.f("pk_claim")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_claim_project_id_lease_until"), "claim", ["project_id", "lease_until"], unique=False)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("claim")
