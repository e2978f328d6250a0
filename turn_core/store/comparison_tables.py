"""Tables of comparisons, in the manner of `tables`.

A comparison has no state of its own: that of its job is the truth. A cell is there when it is
whole; there are no files.
"""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base, JsonText


class Comparison(Base):
    """Several methods on the labels of a project, over several seeds."""

    __tablename__ = "comparison"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("job_id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    name: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JsonText)
    summary: Mapped[dict[str, Any]] = mapped_column(JsonText)
    created_at: Mapped[int]
    created_by: Mapped[str]


class ComparisonCell(Base):
    """One method with one seed; `compare_config.METHODS` checks the method."""

    __tablename__ = "comparison_cell"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "comparison_id"], ["comparison.project_id", "comparison.id"]
        ),
        CheckConstraint("seed >= 0", name="seed"),
        Index(None, "project_id"),
        {"sqlite_with_rowid": False},
    )
    comparison_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    method: Mapped[str] = mapped_column(primary_key=True)
    seed: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    found: Mapped[dict[str, Any]] = mapped_column(JsonText)
    ready_at: Mapped[int]
