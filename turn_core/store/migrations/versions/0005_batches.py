"""Which decisions were made at once, so that they can be undone at once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEX = "ix_label_event_project_id_batch_key"


def upgrade() -> None:
    """Add the column; both engines do it in place, so the guards of the ledger stay."""
    op.add_column("label_event", sa.Column("batch_key", sa.Text(), nullable=True))
    op.create_index(op.f(INDEX), "label_event", ["project_id", "batch_key"])


def downgrade() -> None:
    """Drop the column."""
    op.drop_index(op.f(INDEX), "label_event")
    op.drop_column("label_event", "batch_key")
