"""An index that finds the same image with two labels without reading every sample."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = "ix_sample_project_id_sha256_current_class_id_status"


def upgrade() -> None:
    """Make the index."""
    op.create_index(op.f(NAME), "sample", ["project_id", "sha256", "current_class_id", "status"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index(op.f(NAME), "sample")
