"""Votes: several reviewers per card, and how many of them it takes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ACTIONS = "action IN ('keep', 'relabel', 'exclude', 'needs_review', 'skip', 'undo')"

# As of the ledger (0001): what people voted is never changed; it goes with its whole project only.
SQLITE_GUARDS = (
    """CREATE TRIGGER vote_no_update BEFORE UPDATE ON vote
BEGIN SELECT RAISE(ABORT, 'vote is append-only'); END""",
    """CREATE TRIGGER vote_no_delete BEFORE DELETE ON vote
WHEN (SELECT state FROM project WHERE id = OLD.project_id) IS NOT 'deleting'
BEGIN SELECT RAISE(ABORT, 'vote is append-only'); END""",
)
POSTGRES_GUARDS = (
    """CREATE TRIGGER vote_no_change BEFORE UPDATE OR DELETE ON vote
FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER vote_no_truncate BEFORE TRUNCATE ON vote
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
)


def upgrade() -> None:
    """Make the tables, guard the votes, and give projects an overlap of one."""
    op.create_table("vote",
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("ballot", ID, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("class_id", ID, nullable=True),
        sa.Column("undoes", ID, nullable=True),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("seconds_spent", sa.Double(), nullable=True),
        sa.Column("bulk", sa.Boolean(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("idem_key", sa.Text(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("batch_key", sa.Text(), nullable=True),
        sa.CheckConstraint(ACTIONS, name=op.f("ck_vote_action")),
        sa.CheckConstraint("(action IN ('keep', 'relabel')) = (class_id IS NOT NULL)", name=op.f("ck_vote_class_id")),
        sa.CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name=op.f("ck_vote_undoes")),
        sa.ForeignKeyConstraint(["project_id", "class_id"], ["class.project_id", "class.id"], name=op.f("fk_vote_project_id_class_id")),
        sa.ForeignKeyConstraint(["project_id", "run_id"], ["run.project_id", "run.id"], name=op.f("fk_vote_project_id_run_id")),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_vote_project_id_sample_id")),
        sa.ForeignKeyConstraint(["undoes"], ["vote.id"], name=op.f("fk_vote_undoes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("idem_key", name=op.f("uq_vote_idem_key")),
        sa.UniqueConstraint("undoes", name=op.f("uq_vote_undoes")),
        sqlite_autoincrement=True,
    )
    for columns in (["project_id", "id"], ["project_id", "batch_key"], ["sample_id", "ballot"]):
        op.create_index(op.f("ix_vote_" + "_".join(columns)), "vote", columns, unique=False)
    sqlite = op.get_bind().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRES_GUARDS:
        op.execute(guard)
    op.create_table("standing_vote",
        sa.Column("sample_id", ID, autoincrement=False, nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("abstains", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_standing_vote_project_id_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "reviewer", name=op.f("pk_standing_vote")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_standing_vote_project_id_reviewer"), "standing_vote", ["project_id", "reviewer"], unique=False)
    op.create_table("vote_conflict",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("sample_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"], name=op.f("fk_vote_conflict_project_id_sample_id")),
        sa.PrimaryKeyConstraint("project_id", "sample_id", name=op.f("pk_vote_conflict")),
        sqlite_with_rowid=False,
    )
    # In place on both engines: the guards of the ledger stay, and so do other constraints.
    op.add_column("label_event", sa.Column("vote_id", ID, nullable=True))
    whole = "INTEGER" if sqlite else "BIGINT"
    op.execute(
        f"ALTER TABLE review_setting ADD COLUMN overlap {whole} DEFAULT 1 NOT NULL "
        "CONSTRAINT ck_review_setting_overlap CHECK (overlap >= 1 AND overlap <= 9)"
    )
    blind = sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("review_setting", blind)


def downgrade() -> None:
    """Drop the tables and the columns."""
    op.drop_column("review_setting", "blind")
    op.drop_column("review_setting", "overlap")
    op.drop_column("label_event", "vote_id")
    for table in ("vote_conflict", "standing_vote", "vote"):
        op.drop_table(table)
