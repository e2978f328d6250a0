"""Explorations and tags; the kinds of jobs are checked in code, so that a new one needs no migration."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("sample_tag", "tag", "exploration_panel", "exploration")
FIRST_KINDS = "kind IN ('inspect', 'import', 'train', 'export')"


def upgrade() -> None:
    """Make the tables and take the CHECK of job.kind away."""
    if op.get_bind().dialect.name == "sqlite":
        rebuild_job()
    else:
        op.drop_constraint(op.f("ck_job_kind"), "job", type_="check")
    op.create_table("exploration",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_exploration_job_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_exploration_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exploration")),
        sa.UniqueConstraint("job_id", name=op.f("uq_exploration_job_id")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_exploration_project_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_table("exploration_panel",
        sa.Column("exploration_id", ID, autoincrement=False, nullable=False),
        sa.Column("idx", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("backbone", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("noise_level", sa.Double(), nullable=True),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("projections", sa.Text(), nullable=False),
        sa.Column("ready_at", ID, nullable=False),
        sa.CheckConstraint("idx >= 0", name=op.f("ck_exploration_panel_idx")),
        sa.CheckConstraint("method IN ('before', 'probe', 'fft', 'turn')", name=op.f("ck_exploration_panel_method")),
        sa.CheckConstraint("noise_level >= 0 AND noise_level <= 1", name=op.f("ck_exploration_panel_noise_level")),
        sa.ForeignKeyConstraint(["project_id", "exploration_id"], ["exploration.project_id", "exploration.id"], name=op.f("fk_exploration_panel_project_id_exploration_id")),
        sa.PrimaryKeyConstraint("exploration_id", "idx", name=op.f("pk_exploration_panel")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_exploration_panel_project_id"), "exploration_panel", ["project_id"], unique=False)
    op.create_table("tag",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_tag_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_tag_project_id_id")),
        sa.UniqueConstraint("project_id", "name_key", name=op.f("uq_tag_project_id_name_key")),
        sqlite_autoincrement=True,
    )
    op.create_table("sample_tag",
        sa.Column("tag_id", ID, autoincrement=False, nullable=False),
        sa.Column("sample_id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("added_at", ID, nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_sample_tag_project_id_sample_id")),
        sa.ForeignKeyConstraint(["project_id", "tag_id"], ["tag.project_id", "tag.id"], name=op.f("fk_sample_tag_project_id_tag_id")),
        sa.PrimaryKeyConstraint("tag_id", "sample_id", name=op.f("pk_sample_tag")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sample_tag_sample_id"), "sample_tag", ["sample_id"], unique=False)


def downgrade() -> None:
    """Drop the tables; the CHECK comes back, so no job of a later kind may be left."""
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "sqlite":
        rebuild_job(FIRST_KINDS)
    else:
        op.create_check_constraint(op.f("ck_job_kind"), "job", FIRST_KINDS)


def rebuild_job(kinds: str | None = None) -> None:
    """Rebuild the table without or with the CHECK of its kind; its last id stays."""
    sequence = op.get_bind().exec_driver_sql
    last = sequence("SELECT seq FROM sqlite_sequence WHERE name = 'job'").scalar()
    with op.batch_alter_table("job", table_kwargs={"sqlite_autoincrement": True}) as batch:
        if kinds is None:
            batch.drop_constraint(op.f("ck_job_kind"), type_="check")
        else:
            batch.create_check_constraint(op.f("ck_job_kind"), kinds)
    if last is not None:
        sequence("DELETE FROM sqlite_sequence WHERE name = 'job'")
        sequence("INSERT INTO sqlite_sequence (name, seq) VALUES ('job', ?)", (last,))
