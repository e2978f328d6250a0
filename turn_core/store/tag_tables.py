"""Tables of tags, in the manner of `tables`."""

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base


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
