"""The labels of a project as rows, read from the store as of one moment and in bounded memory."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import Select, and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from turn_core.store import projects
from turn_core.store.tables import GivenLabel, LabelEvent, ProjectClass, Sample, Score
from turn_core.types import ReviewStatus, SampleState

_ROWS_PER_FETCH = 2000

_ACTIONS = {
    ReviewStatus.PENDING: "none",
    ReviewStatus.SKIPPED: "none",
    ReviewStatus.KEPT: "keep",
    ReviewStatus.RELABELED: "relabel",
    ReviewStatus.EXCLUDED: "exclude",
    ReviewStatus.NEEDS_REVIEW: "needs_review",
}
_NOTES = {
    SampleState.UNREADABLE: "the image cannot be read",
    SampleState.UNLABELLED: "delivered without a label",
}


@dataclass(frozen=True, slots=True)
class LabelTable:
    """All labels of a project, as the reading session sees them; usable while it is open.

    `run_id` and `tau` name the run that the scores come from, None for a table without scores.
    """

    session: Session
    project_id: int
    project: str
    class_names: tuple[str, ...]
    num_rows: int
    run_id: int | None = None
    tau: float | None = None

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield a row with the columns of `columns.COLUMNS` per sample, in order of sample id."""
        statement = _statement(self.project_id, self.run_id)
        num_scored = self._num_scored()
        for found in self.session.execute(statement.execution_options(yield_per=_ROWS_PER_FETCH)):
            yield {
                **_label_part(found),
                **_score_part(found, num_scored, run_id=self.run_id, tau=self.tau),
                **_review_part(found),
            }

    def _num_scored(self) -> int:
        query = select(func.count()).select_from(Score).where(Score.run_id == self.run_id)
        return int(self.session.execute(query).scalar_one())

    def labels_sha256(self) -> str:
        """Return the hash that `services.samples.label_snapshot` gives, without holding them."""
        query = (
            select(Sample.file_name, ProjectClass.name, Sample.status)
            .outerjoin(ProjectClass, ProjectClass.id == Sample.current_class_id)
            .where(Sample.project_id == self.project_id)
            .order_by(Sample.file_name)
            .execution_options(yield_per=_ROWS_PER_FETCH)
        )
        digest = hashlib.sha256()
        for found in self.session.execute(query):
            digest.update(json.dumps(list(found), ensure_ascii=False).encode() + b"\n")
        return digest.hexdigest()


def read_labels(
    session: Session, project_id: int, *, run_id: int | None = None, tau: float | None = None
) -> LabelTable:
    """Return the labels of a project.

    Args:
        session: a reading session.
        project_id: the project.
        run_id: the run that the scores come from; without one the score columns are empty.
        tau: threshold of that run on the clean probability.

    Raises:
        NotFoundError: there is no such project.
    """
    project = projects.get_project(session, project_id)
    names = tuple(name for _, _, name in projects.class_list(session, project_id))
    return LabelTable(
        session, project_id, project.name, names, project.num_samples, run_id=run_id, tau=tau
    )


def _statement(project_id: int, run_id: int | None) -> Select[*tuple[Any, ...]]:
    given, current, suggested = (aliased(ProjectClass) for _ in range(3))
    event = aliased(LabelEvent)
    scored = and_(Score.sample_id == Sample.id, Score.run_id == (-1 if run_id is None else run_id))
    return (
        select(
            Sample.id.label("sample_id"),
            Sample.file_name,
            Sample.sha256,
            Sample.split,
            Sample.state,
            Sample.status,
            GivenLabel.raw,
            given.name.label("given_name"),
            current.name.label("current_name"),
            suggested.name.label("suggested_name"),
            Score.rank,
            Score.clean_probability,
            Score.loss,
            Score.suggested_probability,
            Score.given_probability,
            Score.selected,
            Score.fallback,
            event.actor,
            event.at,
            event.seconds_spent,
            event.bulk,
        )
        .outerjoin(GivenLabel, GivenLabel.sample_id == Sample.id)
        .outerjoin(given, given.id == GivenLabel.class_id)
        .outerjoin(current, current.id == Sample.current_class_id)
        .outerjoin(Score, scored)
        .outerjoin(suggested, suggested.id == Score.suggested_class_id)
        .outerjoin(
            event, event.id.in_(_deciding_events(project_id)) & (event.sample_id == Sample.id)
        )
        .where(Sample.project_id == project_id)
        .order_by(Sample.id)
    )


def _deciding_events(project_id: int) -> Select[Any]:
    """Ids of the events that made the present statuses: the last of each sample not undone."""
    event, undo = aliased(LabelEvent), aliased(LabelEvent)
    return (
        select(func.max(event.id))
        .where(event.project_id == project_id, event.action != "undo")
        .where(~exists().where(undo.undoes == event.id))
        .group_by(event.sample_id)
    )


def _label_part(found: SqlRow[Any]) -> dict[str, object]:
    corrected = found.current_name != found.given_name
    return {
        "sample_id": found.sample_id,
        "file_name": found.file_name,
        "sha256": found.sha256,
        "split": found.split,
        "given_label": found.raw,
        "label": found.current_name,
        "corrected_label": found.current_name if corrected else None,
        "action": _ACTIONS[ReviewStatus(found.status)],
        "status": found.status,
        "note": _NOTES.get(SampleState(found.state)),
    }


def _score_part(
    found: SqlRow[Any], num_scored: int, *, run_id: int | None, tau: float | None
) -> dict[str, object]:
    clean = found.clean_probability
    if clean is None:
        return {}
    return {
        "is_label_issue": None if tau is None else clean <= tau,
        "label_score": (found.rank + 0.5) / num_scored,
        "clean_probability": clean,
        "loss": found.loss,
        "predicted_label": found.suggested_name,
        "suggested_label": found.suggested_name,
        "suggested_label_confidence": found.suggested_probability,
        "p_given_label": found.given_probability,
        "selected_by_turn": found.selected,
        "run_id": run_id,
        "gmm_fallback": found.fallback,
        "tau": tau,
    }


def _review_part(found: SqlRow[Any]) -> dict[str, object]:
    if found.actor is None:
        return {}
    return {
        "annotator": found.actor,
        "reviewed_at": found.at / 1000,
        "seconds_spent": found.seconds_spent,
        "bulk": found.bulk,
    }
