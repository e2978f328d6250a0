"""Comparisons of methods."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table("comparison",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_comparison_job_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_comparison_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison")),
        sa.UniqueConstraint("job_id", name=op.f("uq_comparison_job_id")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_comparison_project_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_table("comparison_cell",
        sa.Column("comparison_id", ID, autoincrement=False, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("seed", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("ready_at", ID, nullable=False),
        sa.CheckConstraint("seed >= 0", name=op.f("ck_comparison_cell_seed")),
        sa.ForeignKeyConstraint(["project_id", "comparison_id"], ["comparison.project_id", "comparison.id"], name=op.f("fk_comparison_cell_project_id_comparison_id")),
        sa.PrimaryKeyConstraint("comparison_id", "method", "seed", name=op.f("pk_comparison_cell")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_comparison_cell_project_id"), "comparison_cell", ["project_id"], unique=False)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("comparison_cell")
    op.drop_table("comparison")
