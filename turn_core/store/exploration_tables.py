"""Tables of explorations and tags, in the manner of `tables`.

An exploration has no state of its own: that of its job is the truth. Maps are files, named by rule
(`Files.panel`).
"""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base, JsonText, one_of
from turn_core.types.exploring import PanelMethod


class Exploration(Base):
    """What full fine-tuning at several noise levels does to the features of a project."""

    __tablename__ = "exploration"
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


class ExplorationPanel(Base):
    """A panel that is ready; its row comes after its file."""

    __tablename__ = "exploration_panel"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "exploration_id"], ["exploration.project_id", "exploration.id"]
        ),
        one_of("method", PanelMethod),
        CheckConstraint("idx >= 0", name="idx"),
        CheckConstraint("noise_level >= 0 AND noise_level <= 1", name="noise_level"),
        Index(None, "project_id"),
        {"sqlite_with_rowid": False},
    )
    exploration_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    backbone: Mapped[str]
    method: Mapped[str]
    noise_level: Mapped[float | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(JsonText)
    projections: Mapped[str]
    ready_at: Mapped[int]


class Tag(Base):
    """A named set of samples; `name_key` is what names that look alike have in common."""

    __tablename__ = "tag"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name_key"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    name_key: Mapped[str]
    created_at: Mapped[int]
    created_by: Mapped[str]


class SampleTag(Base):
    """A sample that has a tag."""

    __tablename__ = "sample_tag"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "tag_id"], ["tag.project_id", "tag.id"]),
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        Index(None, "sample_id"),
        {"sqlite_with_rowid": False},
    )
    tag_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    added_at: Mapped[int]
    added_by: Mapped[str]
