"""The schema. Times are Unix milliseconds; enums are texts with a CHECK; JSON is text.

A foreign key into a project carries `project_id`, so that a label of another project is
impossible in the database itself. `migrations/` makes these tables; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from turn_core.store.columns import Base, JsonText, Name, one_of, to_class
from turn_core.types import Action, JobState, ReviewStatus, SampleState

PROJECT_STATES = ("ready", "deleting")
RUN_STATES = ("queued", "running", "complete", "failed", "cancelled")
_ACTIVE = text("state IN ('queued', 'running')")
ONLY_ACTIVE: dict[str, Any] = {"sqlite_where": _ACTIVE, "postgresql_where": _ACTIVE}


class Home(Base):
    """One row, which ties the database to the files in its home folder."""

    __tablename__ = "home"
    id: Mapped[str] = mapped_column(primary_key=True)


class Project(Base):
    """A data set under audit."""

    __tablename__ = "project"
    __table_args__ = (one_of("state", PROJECT_STATES), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    label_rev: Mapped[int]
    num_samples: Mapped[int]
    import_report: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    created_at: Mapped[int]
    created_by: Mapped[str]


class ProjectClass(Base):
    """A class of a project; `idx` is its place in arrays and never changes."""

    __tablename__ = "class"
    __table_args__ = (
        CheckConstraint("idx >= 0", name="idx"),
        UniqueConstraint("project_id", "idx"),
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("project_id", "id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    idx: Mapped[int]
    name: Mapped[str]
    name_key: Mapped[str]


class Sample(Base):
    """One image. `version` counts its label events; `status` is kept in their transaction."""

    __tablename__ = "sample"
    __table_args__ = (
        UniqueConstraint("project_id", "file_name"),
        UniqueConstraint("project_id", "id"),
        to_class("current_class_id"),
        to_class("true_class_id"),
        CheckConstraint("length(sha256) = 64", name="sha256"),
        one_of("state", SampleState),
        one_of("status", ReviewStatus),
        Index(None, "sha256"),
        Index(None, "project_id", "current_class_id"),
        Index(None, "project_id", "true_class_id"),
        Index(None, "project_id", "status"),
        Index(None, "project_id", "sha256", "current_class_id", "status"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    file_name: Mapped[str] = mapped_column(Name)
    sha256: Mapped[str]
    width: Mapped[int | None]
    height: Mapped[int | None]
    state: Mapped[str]
    status: Mapped[str]
    version: Mapped[int]
    current_class_id: Mapped[int | None]
    true_class_id: Mapped[int | None]
    split: Mapped[str | None]


class GivenLabel(Base):
    """The label as delivered, as its exact text; a trigger refuses every change."""

    __tablename__ = "given_label"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        to_class("class_id"),
        Index(None, "project_id", "class_id"),
    )
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    class_id: Mapped[int | None]
    raw: Mapped[str]
    row_ref: Mapped[str | None]


class ImportRefusal(Base):
    """An item of an import that was not taken, and why."""

    __tablename__ = "import_refusal"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    name: Mapped[str]
    reason: Mapped[str]


class Job(Base):
    """A job is its row: lease and fence say who may write. `JobKind` checks its kind."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", JobState),
        CheckConstraint(
            "(state = 'running') = (owner IS NOT NULL AND lease_until IS NOT NULL)", name="lease"
        ),
        Index(None, "state", "lease_until"),
        Index("uq_job_dedupe_key", "dedupe_key", unique=True, **ONLY_ACTIVE),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str]
    params: Mapped[dict[str, Any]] = mapped_column(JsonText)
    payload_sha256: Mapped[str]
    idem_key: Mapped[str] = mapped_column(unique=True)
    dedupe_key: Mapped[str | None]
    attempt: Mapped[int]
    max_attempts: Mapped[int]
    fence: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[int | None]
    heartbeat_at: Mapped[int | None]
    pid: Mapped[int | None]
    pid_start: Mapped[float | None]
    boot_id: Mapped[str | None]
    cancel_requested: Mapped[bool]
    progress: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    result: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    error: Mapped[str | None]
    created_at: Mapped[int]
    created_by: Mapped[str]
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None]


class Worker(Base):
    """A worker process and when it was last heard of."""

    __tablename__ = "worker"
    owner: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[int]
    heartbeat_at: Mapped[int] = mapped_column(index=True)


class Run(Base):
    """One training round. `label_rev` and `labels_sha256` name the labels that it read."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "number"),
        UniqueConstraint("job_id"),
        one_of("state", RUN_STATES),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    number: Mapped[int]
    state: Mapped[str]
    method: Mapped[str]
    backbone: Mapped[str]
    seed: Mapped[int]
    config: Mapped[dict[str, Any]] = mapped_column(JsonText)
    environment: Mapped[dict[str, Any]] = mapped_column(JsonText)
    metrics: Mapped[dict[str, Any]] = mapped_column(JsonText)
    label_rev: Mapped[int]
    labels_sha256: Mapped[str | None]
    num_samples: Mapped[int]
    error: Mapped[str | None]
    created_at: Mapped[int]
    finished_at: Mapped[int | None]


class Score(Base):
    """The final score of a sample in a run; `rank` 0 is the most suspicious."""

    # The suggested class has no foreign key: the service checks it, and deleting a class would
    # search this table without an index.
    __tablename__ = "score"
    __table_args__ = (
        UniqueConstraint("run_id", "rank"),
        ForeignKeyConstraint(["project_id", "run_id"], ["run.project_id", "run.id"]),
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        CheckConstraint("clean_probability >= 0 AND clean_probability <= 1", name="clean"),
        CheckConstraint("rank >= 0", name="rank"),
        Index(None, "sample_id"),
        {"sqlite_with_rowid": False},
    )
    run_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sample_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    rank: Mapped[int]
    clean_probability: Mapped[float]
    loss: Mapped[float | None]
    suggested_class_id: Mapped[int]
    suggested_probability: Mapped[float]
    given_probability: Mapped[float]
    selected: Mapped[bool]
    fallback: Mapped[str]
    array_row: Mapped[int]


class LabelEvent(Base):
    """The append-only ledger. `class_id`, `status`: after it. `vote_id`: last vote agreed."""

    __tablename__ = "label_event"
    __table_args__ = (
        UniqueConstraint("sample_id", "seq"),
        UniqueConstraint("idem_key"),
        UniqueConstraint("undoes"),
        ForeignKeyConstraint(["project_id", "sample_id"], ["sample.project_id", "sample.id"]),
        ForeignKeyConstraint(["project_id", "run_id"], ["run.project_id", "run.id"]),
        to_class("class_id"),
        to_class("prev_class_id"),
        one_of("action", Action),
        one_of("status", ReviewStatus),
        one_of("prev_status", ReviewStatus),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("action <> 'relabel' OR class_id IS NOT NULL", name="relabel"),
        CheckConstraint("(action = 'undo') = (undoes IS NOT NULL)", name="undoes"),
        Index(None, "project_id", "id"),
        Index(None, "project_id", "batch_key"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    sample_id: Mapped[int]
    seq: Mapped[int]
    action: Mapped[str]
    class_id: Mapped[int | None]
    prev_class_id: Mapped[int | None]
    status: Mapped[str]
    prev_status: Mapped[str]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("label_event.id"))
    run_id: Mapped[int | None]
    actor: Mapped[str]
    at: Mapped[int]
    seconds_spent: Mapped[float | None]
    bulk: Mapped[bool]
    queue: Mapped[str]
    idem_key: Mapped[str]
    payload_sha256: Mapped[str]
    batch_key: Mapped[str | None]
    vote_id: Mapped[int | None]


class Export(Base):
    """An export; it is finished once its file has a name and a hash."""

    __tablename__ = "export"
    __table_args__ = (
        CheckConstraint("(file_name IS NULL) = (file_sha256 IS NULL)", name="file"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), index=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    format: Mapped[str]
    file_name: Mapped[str | None]
    num_bytes: Mapped[int | None]
    num_rows: Mapped[int | None]
    labels_sha256: Mapped[str | None]
    file_sha256: Mapped[str | None]
    created_at: Mapped[int]
    created_by: Mapped[str]
