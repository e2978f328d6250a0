"""How many reviewers vote, by queue; and the queue of each standing vote and claim."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
QUEUES = "queue IN ('worst_first', 'pair', 'near_tau', 'duplicates', 'tag', 'audit')"

# The last vote of the reviewer that was not taken back, in the present ballot of the sample.
QUEUE_OF_VOTE = """UPDATE standing_vote SET queue = COALESCE((
    SELECT vote.queue FROM vote
    WHERE vote.sample_id = standing_vote.sample_id AND vote.actor = standing_vote.reviewer
    AND vote.action <> 'undo'
    AND NOT EXISTS (SELECT 1 FROM vote AS back WHERE back.undoes = vote.id)
    AND vote.ballot = (
        SELECT COALESCE(MAX(event.seq), 0) FROM label_event AS event
        WHERE event.sample_id = vote.sample_id AND event.action <> 'undo'
        AND NOT EXISTS (SELECT 1 FROM label_event AS back WHERE back.undoes = event.id))
    ORDER BY vote.id DESC LIMIT 1), queue)"""


def upgrade() -> None:
    """Make the table; find the queues of the votes that stand."""
    op.create_table(
        "queue_overlap",
        sa.Column("project_id", ID, autoincrement=False, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("overlap", ID, nullable=False),
        sa.CheckConstraint(QUEUES, name=op.f("ck_queue_overlap_queue")),
        sa.CheckConstraint("overlap >= 1 AND overlap <= 9", name=op.f("ck_queue_overlap_overlap")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_queue_overlap_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "queue", name=op.f("pk_queue_overlap")),
        sqlite_with_rowid=False,
    )
    for table in ("claim", "standing_vote"):
        column = sa.Column("queue", sa.Text(), nullable=False, server_default="worst_first")
        op.add_column(table, column)
    op.execute(QUEUE_OF_VOTE)


def downgrade() -> None:
    """Drop the columns and the table."""
    for table in ("standing_vote", "claim"):
        op.drop_column(table, "queue")
    op.drop_table("queue_overlap")
