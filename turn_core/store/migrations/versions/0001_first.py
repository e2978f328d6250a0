"""The first schema: projects, samples, jobs, runs, scores and the ledger of decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TABLES = (
    "score", "label_event", "given_label", "sample", "run", "export", "job", "import_refusal",
    "class", "worker", "project",
)

# What people decided and what was delivered is never changed; it goes with its whole project only.
SQLITE_GUARDS = """
CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
WHEN (SELECT state FROM project WHERE id = OLD.project_id) IS NOT 'deleting'
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
POSTGRES_GUARD = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT 1 FROM project WHERE id = OLD.project_id AND state = 'deleting') THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
"""
POSTGRES_TRIGGERS = """
CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Make all tables and the guards of the append-only ones."""
    op.create_table('project',
        sa.Column('id', ID, nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('label_rev', ID, nullable=False),
        sa.Column('num_samples', ID, nullable=False),
        sa.Column('import_report', sa.Text(), nullable=True),
        sa.Column('created_at', ID, nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('ready', 'deleting')", name=op.f('ck_project_state')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_project')),
        sa.UniqueConstraint('name', name=op.f('uq_project_name')),
        sqlite_autoincrement=True
    )
    op.create_table('worker',
        sa.Column('owner', sa.Text(), nullable=False),
        sa.Column('started_at', ID, nullable=False),
        sa.Column('heartbeat_at', ID, nullable=False),
        sa.PrimaryKeyConstraint('owner', name=op.f('pk_worker'))
    )
    op.create_index(op.f('ix_worker_heartbeat_at'), 'worker', ['heartbeat_at'], unique=False)
    op.create_table('class',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('idx', ID, nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('name_key', sa.Text(), nullable=False),
        sa.CheckConstraint('idx >= 0', name=op.f('ck_class_idx')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_class_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_class')),
        sa.UniqueConstraint('project_id', 'id', name=op.f('uq_class_project_id_id')),
        sa.UniqueConstraint('project_id', 'idx', name=op.f('uq_class_project_id_idx')),
        sa.UniqueConstraint('project_id', 'name', name=op.f('uq_class_project_id_name')),
        sqlite_autoincrement=True
    )
    op.create_table('import_refusal',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('name', sa.Text(), nullable=False),
        sa.Column('reason', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_import_refusal_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_import_refusal')),
        sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_import_refusal_project_id'), 'import_refusal', ['project_id'], unique=False)
    op.create_table('job',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=True),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('params', sa.Text(), nullable=False),
        sa.Column('payload_sha256', sa.Text(), nullable=False),
        sa.Column('idem_key', sa.Text(), nullable=False),
        sa.Column('dedupe_key', sa.Text(), nullable=True),
        sa.Column('attempt', ID, nullable=False),
        sa.Column('max_attempts', ID, nullable=False),
        sa.Column('fence', ID, nullable=False),
        sa.Column('owner', sa.Text(), nullable=True),
        sa.Column('lease_until', ID, nullable=True),
        sa.Column('heartbeat_at', ID, nullable=True),
        sa.Column('pid', ID, nullable=True),
        sa.Column('pid_start', sa.Double(), nullable=True),
        sa.Column('boot_id', sa.Text(), nullable=True),
        sa.Column('cancel_requested', sa.Boolean(), nullable=False),
        sa.Column('progress', sa.Text(), nullable=True),
        sa.Column('result', sa.Text(), nullable=True),
        sa.Column('error', sa.Text(), nullable=True),
        sa.Column('created_at', ID, nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.Column('started_at', ID, nullable=True),
        sa.Column('finished_at', ID, nullable=True),
        sa.CheckConstraint("(state = 'running') = (owner IS NOT NULL AND lease_until IS NOT NULL)", name=op.f('ck_job_lease')),
        sa.CheckConstraint("kind IN ('inspect', 'import', 'train', 'export')", name=op.f('ck_job_kind')),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f('ck_job_state')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_job_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_job')),
        sa.UniqueConstraint('idem_key', name=op.f('uq_job_idem_key')),
        sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_job_project_id'), 'job', ['project_id'], unique=False)
    op.create_index(op.f('ix_job_state_lease_until'), 'job', ['state', 'lease_until'], unique=False)
    op.create_index('uq_job_dedupe_key', 'job', ['dedupe_key'], unique=True, sqlite_where=sa.text("state IN ('queued', 'running')"), postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.create_table('export',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('job_id', ID, nullable=True),
        sa.Column('format', sa.Text(), nullable=False),
        sa.Column('file_name', sa.Text(), nullable=True),
        sa.Column('num_bytes', ID, nullable=True),
        sa.Column('num_rows', ID, nullable=True),
        sa.Column('labels_sha256', sa.Text(), nullable=True),
        sa.Column('file_sha256', sa.Text(), nullable=True),
        sa.Column('created_at', ID, nullable=False),
        sa.Column('created_by', sa.Text(), nullable=False),
        sa.CheckConstraint('(file_name IS NULL) = (file_sha256 IS NULL)', name=op.f('ck_export_file')),
        sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_export_job_id')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_export_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_export')),
        sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_export_project_id'), 'export', ['project_id'], unique=False)
    op.create_table('run',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('job_id', ID, nullable=False),
        sa.Column('number', ID, nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('method', sa.Text(), nullable=False),
        sa.Column('backbone', sa.Text(), nullable=False),
        sa.Column('seed', ID, nullable=False),
        sa.Column('config', sa.Text(), nullable=False),
        sa.Column('environment', sa.Text(), nullable=False),
        sa.Column('metrics', sa.Text(), nullable=False),
        sa.Column('label_rev', ID, nullable=False),
        sa.Column('labels_sha256', sa.Text(), nullable=True),
        sa.Column('num_samples', ID, nullable=False),
        sa.Column('error', sa.Text(), nullable=True),
        sa.Column('created_at', ID, nullable=False),
        sa.Column('finished_at', ID, nullable=True),
        sa.CheckConstraint("state IN ('queued', 'running', 'complete', 'failed', 'cancelled')", name=op.f('ck_run_state')),
        sa.ForeignKeyConstraint(['job_id'], ['job.id'], name=op.f('fk_run_job_id')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_run_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_run')),
        sa.UniqueConstraint('job_id', name=op.f('uq_run_job_id')),
        sa.UniqueConstraint('project_id', 'id', name=op.f('uq_run_project_id_id')),
        sa.UniqueConstraint('project_id', 'number', name=op.f('uq_run_project_id_number')),
        sqlite_autoincrement=True
    )
    op.create_table('sample',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('file_name', NAME, nullable=False),
        sa.Column('sha256', sa.Text(), nullable=False),
        sa.Column('width', ID, nullable=True),
        sa.Column('height', ID, nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('status', sa.Text(), nullable=False),
        sa.Column('version', ID, nullable=False),
        sa.Column('current_class_id', ID, nullable=True),
        sa.Column('true_class_id', ID, nullable=True),
        sa.Column('split', sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('ok', 'unreadable', 'unlabelled')", name=op.f('ck_sample_state')),
        sa.CheckConstraint("status IN ('pending', 'kept', 'relabeled', 'excluded', 'needs_review', 'skipped')", name=op.f('ck_sample_status')),
        sa.CheckConstraint('length(sha256) = 64', name=op.f('ck_sample_sha256')),
        sa.ForeignKeyConstraint(['project_id', 'current_class_id'], ['class.project_id', 'class.id'], name=op.f('fk_sample_project_id_current_class_id')),
        sa.ForeignKeyConstraint(['project_id', 'true_class_id'], ['class.project_id', 'class.id'], name=op.f('fk_sample_project_id_true_class_id')),
        sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_sample_project_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_sample')),
        sa.UniqueConstraint('project_id', 'file_name', name=op.f('uq_sample_project_id_file_name')),
        sa.UniqueConstraint('project_id', 'id', name=op.f('uq_sample_project_id_id')),
        sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_sample_project_id_current_class_id'), 'sample', ['project_id', 'current_class_id'], unique=False)
    op.create_index(op.f('ix_sample_project_id_status'), 'sample', ['project_id', 'status'], unique=False)
    op.create_index(op.f('ix_sample_project_id_true_class_id'), 'sample', ['project_id', 'true_class_id'], unique=False)
    op.create_index(op.f('ix_sample_sha256'), 'sample', ['sha256'], unique=False)
    op.create_table('given_label',
        sa.Column('sample_id', ID, autoincrement=False, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('class_id', ID, nullable=True),
        sa.Column('raw', sa.Text(), nullable=False),
        sa.Column('row_ref', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['project_id', 'class_id'], ['class.project_id', 'class.id'], name=op.f('fk_given_label_project_id_class_id')),
        sa.ForeignKeyConstraint(['project_id', 'sample_id'], ['sample.project_id', 'sample.id'], name=op.f('fk_given_label_project_id_sample_id')),
        sa.PrimaryKeyConstraint('sample_id', name=op.f('pk_given_label'))
    )
    op.create_index(op.f('ix_given_label_project_id_class_id'), 'given_label', ['project_id', 'class_id'], unique=False)
    op.create_table('label_event',
        sa.Column('id', ID, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('sample_id', ID, nullable=False),
        sa.Column('seq', ID, nullable=False),
        sa.Column('action', sa.Text(), nullable=False),
        sa.Column('class_id', ID, nullable=True),
        sa.Column('prev_class_id', ID, nullable=True),
        sa.Column('status', sa.Text(), nullable=False),
        sa.Column('prev_status', sa.Text(), nullable=False),
        sa.Column('undoes', ID, nullable=True),
        sa.Column('run_id', ID, nullable=True),
        sa.Column('actor', sa.Text(), nullable=False),
        sa.Column('at', ID, nullable=False),
        sa.Column('seconds_spent', sa.Double(), nullable=True),
        sa.Column('bulk', sa.Boolean(), nullable=False),
        sa.Column('queue', sa.Text(), nullable=False),
        sa.Column('idem_key', sa.Text(), nullable=False),
        sa.Column('payload_sha256', sa.Text(), nullable=False),
        sa.CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name=op.f('ck_label_event_undoes')),
        sa.CheckConstraint("action <> 'relabel' OR class_id IS NOT NULL", name=op.f('ck_label_event_relabel')),
        sa.CheckConstraint("action IN ('keep', 'relabel', 'exclude', 'needs_review', 'skip', 'undo')", name=op.f('ck_label_event_action')),
        sa.CheckConstraint("prev_status IN ('pending', 'kept', 'relabeled', 'excluded', 'needs_review', 'skipped')", name=op.f('ck_label_event_prev_status')),
        sa.CheckConstraint("status IN ('pending', 'kept', 'relabeled', 'excluded', 'needs_review', 'skipped')", name=op.f('ck_label_event_status')),
        sa.CheckConstraint('seq >= 1', name=op.f('ck_label_event_seq')),
        sa.ForeignKeyConstraint(['project_id', 'class_id'], ['class.project_id', 'class.id'], name=op.f('fk_label_event_project_id_class_id')),
        sa.ForeignKeyConstraint(['project_id', 'prev_class_id'], ['class.project_id', 'class.id'], name=op.f('fk_label_event_project_id_prev_class_id')),
        sa.ForeignKeyConstraint(['project_id', 'run_id'], ['run.project_id', 'run.id'], name=op.f('fk_label_event_project_id_run_id')),
        sa.ForeignKeyConstraint(['project_id', 'sample_id'], ['sample.project_id', 'sample.id'], name=op.f('fk_label_event_project_id_sample_id')),
        sa.ForeignKeyConstraint(['undoes'], ['label_event.id'], name=op.f('fk_label_event_undoes')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_label_event')),
        sa.UniqueConstraint('idem_key', name=op.f('uq_label_event_idem_key')),
        sa.UniqueConstraint('sample_id', 'seq', name=op.f('uq_label_event_sample_id_seq')),
        sa.UniqueConstraint('undoes', name=op.f('uq_label_event_undoes')),
        sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_label_event_project_id_id'), 'label_event', ['project_id', 'id'], unique=False)
    op.create_table('score',
        sa.Column('run_id', ID, autoincrement=False, nullable=False),
        sa.Column('sample_id', ID, autoincrement=False, nullable=False),
        sa.Column('project_id', ID, nullable=False),
        sa.Column('rank', ID, nullable=False),
        sa.Column('clean_probability', sa.Double(), nullable=False),
        sa.Column('loss', sa.Double(), nullable=True),
        sa.Column('suggested_class_id', ID, nullable=False),
        sa.Column('suggested_probability', sa.Double(), nullable=False),
        sa.Column('given_probability', sa.Double(), nullable=False),
        sa.Column('selected', sa.Boolean(), nullable=False),
        sa.Column('fallback', sa.Text(), nullable=False),
        sa.Column('array_row', ID, nullable=False),
        sa.CheckConstraint('clean_probability >= 0 AND clean_probability <= 1', name=op.f('ck_score_clean')),
        sa.CheckConstraint('rank >= 0', name=op.f('ck_score_rank')),
        sa.ForeignKeyConstraint(['project_id', 'run_id'], ['run.project_id', 'run.id'], name=op.f('fk_score_project_id_run_id')),
        sa.ForeignKeyConstraint(['project_id', 'sample_id'], ['sample.project_id', 'sample.id'], name=op.f('fk_score_project_id_sample_id')),
        sa.PrimaryKeyConstraint('run_id', 'sample_id', name=op.f('pk_score')),
        sa.UniqueConstraint('run_id', 'rank', name=op.f('uq_score_run_id_rank')),
        sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_score_sample_id'), 'score', ['sample_id'], unique=False)
    guards()


def guards() -> None:
    """Refuse changes of the ledger and of the given labels in the database itself."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    if not sqlite:
        op.execute(POSTGRES_GUARD)
    for table in ("label_event", "given_label"):
        script = (SQLITE_GUARDS if sqlite else POSTGRES_TRIGGERS).format(table=table).strip()
        for statement in script.split(";\nCREATE"):
            op.execute(statement if statement.startswith("CREATE") else "CREATE" + statement)


def downgrade() -> None:
    """Drop everything."""
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_change()")
