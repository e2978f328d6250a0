"""Tables of reviewing together, in the manner of `tables`: who has which card, what was drawn."""

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base, one_of
from turn_core.types.reviewing import Role


class Claim(Base):
    """A card that a reviewer has before them until the lease ends; a courtesy, never a gate.

    `holder` tells two browsers of one name apart; `queue_key` is the queue it was taken from.
    """

    __tablename__ = "claim"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        Index(None, "project_id", "lease_until"),
        {"sqlite_with_rowid": False},
    )
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reviewer: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    queue_key: Mapped[str]
    lease_until: Mapped[int]


class AuditDraw(Base):
    """The random audit: a uniformly random order of a project's samples, as far as it was drawn."""

    __tablename__ = "audit_draw"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        UniqueConstraint("project_id", "sample_id"),
        CheckConstraint("position >= 0", name="position"),
        {"sqlite_with_rowid": False},
    )
    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sample_id: Mapped[int]


class ReviewSetting(Base):
    """How a project is reviewed; a project without a row has the defaults of `ReviewSettings`."""

    __tablename__ = "review_setting"
    __table_args__ = (
        CheckConstraint("audit_share >= 0 AND audit_share <= 0.5", name="audit_share"),
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id"), primary_key=True, autoincrement=False
    )
    audit_share: Mapped[float]
    audit_seed: Mapped[int]


class Member(Base):
    """A person with a role, in one project or (without `project_id`) everywhere."""

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        # Two NULLs are different for a unique constraint.
        Index(
            "uq_member_everywhere",
            "name",
            unique=True,
            sqlite_where=text("project_id IS NULL"),
            postgresql_where=text("project_id IS NULL"),
        ),
        one_of("role", Role),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    role: Mapped[str]
    added_at: Mapped[int]
    added_by: Mapped[str]
