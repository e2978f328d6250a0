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

from turn_core.store.columns import Base, one_of, to_class
from turn_core.types.review_settings import VOTED_IN
from turn_core.types.reviewing import Action, Role


class Claim(Base):
    """A card that a reviewer has before them until the lease ends; a courtesy, never a gate.

    `holder` tells two browsers of one name apart; `queue_key` is the queue it was taken from, with
    all that narrows it down, and `queue` the kind that the card stands for.
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
    queue: Mapped[str]
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
        CheckConstraint("overlap >= 1 AND overlap <= 9", name="overlap"),
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id"), primary_key=True, autoincrement=False
    )
    audit_share: Mapped[float]
    audit_seed: Mapped[int]
    overlap: Mapped[int]
    blind: Mapped[bool]


class QueueOverlap(Base):
    """How many reviewers vote on the cards of a queue, where it is not the project's number."""

    __tablename__ = "queue_overlap"
    __table_args__ = (
        one_of("queue", VOTED_IN),
        CheckConstraint("overlap >= 1 AND overlap <= 9", name="overlap"),
        {"sqlite_with_rowid": False},
    )
    project_id: Mapped[int] = mapped_column(
        ForeignKey("project.id"), primary_key=True, autoincrement=False
    )
    queue: Mapped[str] = mapped_column(primary_key=True)
    overlap: Mapped[int]


class Vote(Base):
    """The append-only list of votes; a trigger refuses every change.

    `ballot` is the number of the sample's event that stood when it was cast, 0 without one: votes
    of one ballot are counted together. `version` is the version of the sample that the voter saw.
    """

    __tablename__ = "vote"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        ForeignKeyConstraint(["project_id", "run_id"], ["run.project_id", "run.id"]),
        to_class("class_id"),
        UniqueConstraint("idem_key"),
        UniqueConstraint("undoes"),
        one_of("action", Action),
        CheckConstraint(
            "(action IN ('keep', 'relabel')) = (class_id IS NOT NULL)", name="class_id"
        ),
        CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name="undoes"),
        Index(None, "project_id", "id"),
        Index(None, "project_id", "batch_key"),
        Index(None, "sample_id", "ballot"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    sample_id: Mapped[int]
    ballot: Mapped[int]
    version: Mapped[int]
    action: Mapped[str]
    class_id: Mapped[int | None]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("vote.id"))
    run_id: Mapped[int | None]
    actor: Mapped[str]
    at: Mapped[int]
    seconds_spent: Mapped[float | None]
    bulk: Mapped[bool]
    queue: Mapped[str]
    idem_key: Mapped[str]
    payload_sha256: Mapped[str]
    batch_key: Mapped[str | None]


class StandingVote(Base):
    """Whose vote stands in the present ballot of a sample; follows from `vote`.

    A skip `abstains`: it takes no place among those who vote. `queue` is where the vote was cast.
    """

    __tablename__ = "standing_vote"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        Index(None, "project_id", "reviewer"),
        {"sqlite_with_rowid": False},
    )
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reviewer: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    abstains: Mapped[bool]
    queue: Mapped[str]


class VoteConflict(Base):
    """A sample on which reviewers do not agree, until somebody settles it."""

    __tablename__ = "vote_conflict"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        {"sqlite_with_rowid": False},
    )
    project_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


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
