"""Tables of studies, in the manner of `tables`.

A study has no state of its own: that of its job is the truth. Files are named by rule
(`Files.study`).
"""

from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base, JsonText


class Study(Base):
    """An exploration, a comparison, ...; `StudyKind` checks its kind."""

    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("job_id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    kind: Mapped[str]
    name: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(JsonText)
    summary: Mapped[dict[str, Any]] = mapped_column(JsonText)
    created_at: Mapped[int]
    created_by: Mapped[str]


class StudyPart(Base):
    """A part that is whole; its row comes after its files. `found` is all there is to it."""

    __tablename__ = "study_part"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "study_id"], ["study.project_id", "study.id"]),
        Index(None, "project_id"),
        {"sqlite_with_rowid": False},
    )
    study_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    found: Mapped[dict[str, Any]] = mapped_column(JsonText)
