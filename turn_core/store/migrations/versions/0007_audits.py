"""The random audit: what was drawn, and how a project is reviewed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table("audit_draw",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("position", ID, autoincrement=False, nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.CheckConstraint("position >= 0", name=op.f("ck_audit_draw_position")),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_audit_draw_project_id_sample_id")),
        sa.PrimaryKeyConstraint("project_id", "position", name=op.f("pk_audit_draw")),
        sa.UniqueConstraint("project_id", "sample_id", name=op.f("uq_audit_draw_project_id_sample_id")),
        sqlite_with_rowid=False,
    )
    op.create_table("review_setting",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("audit_share", sa.Double(), nullable=False),
        sa.Column("audit_seed", ID, nullable=False),
        sa.CheckConstraint("audit_share >= 0 AND audit_share <= 0.5", name=op.f("ck_review_setting_audit_share")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_review_setting_project_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_review_setting")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("review_setting")
    op.drop_table("audit_draw")
