"""Scored samples with all that the review card shows.

Rows come from the `score` table; what is too wide for it (top-5, neighbours, history) from the
run's array file, read through a memory map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from turn_core.services.workspace import Workspace
from turn_core.store import arrays, projects, runs, samples, scores
from turn_core.types import Candidate, ClassProbability, Neighbour

DETAIL_ARRAYS = (
    "clean_probability",
    "top_class",
    "top_probability",
    "neighbour_ids",
    "neighbour_similarity",
)
"""Arrays of `scores.safetensors` that a card shows: (E, N), then (N, 5) twice, (N, k) twice."""


def candidates_by_ids(
    workspace: Workspace, project_id: int, run_id: int, sample_ids: Sequence[int]
) -> list[Candidate]:
    """Return the candidates of these samples in the order given; unscored ones are left out.

    Raises:
        NotFoundError: the project has no such run, or the run's array file is gone.
    """
    with workspace.reading() as session:
        runs.get_run(session, project_id, run_id)
        rows = scores.of_samples(session, run_id, list(sample_ids))
        found = candidates_of(session, workspace, project_id, run_id, rows)
    by_id = {candidate.sample.sample_id: candidate for candidate in found}
    return [by_id[sample_id] for sample_id in sample_ids if sample_id in by_id]


def candidates_of(
    session: Session, workspace: Workspace, project_id: int, run_id: int, rows: Sequence[Any]
) -> list[Candidate]:
    """Return the candidates of rows of `COLUMNS` and `SCORE_COLUMNS`, in their order."""
    if not rows:
        return []
    places = np.array([row[-1] for row in rows], np.int64)
    details = _details(workspace.files.scores(run_id), places)
    class_ids = [class_id for class_id, _, _ in projects.class_list(session, project_id)]
    near_ids = {int(i) for i in np.unique(details["neighbour_ids"]) if i >= 0}
    near = samples.brief(session, project_id, near_ids)
    return [
        _candidate(
            row, run_id, {name: value[n] for name, value in details.items()}, class_ids, near
        )
        for n, row in enumerate(rows)
    ]


def _details(path: Path, places: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    found = {name: arrays.load_array(path, name) for name in DETAIL_ARRAYS}
    # The history is stored epoch by epoch, (E, N); a card wants that of its sample, (n, E).
    history = found.pop("clean_probability")[:, places].T
    return {name: array[places] for name, array in found.items()} | {"history": history}


def _candidate(
    row: Sequence[Any],
    run_id: int,
    detail: Mapping[str, NDArray[Any]],
    class_ids: Sequence[int],
    near: Mapping[int, tuple[str, int | None]],
) -> Candidate:
    width = len(samples.COLUMNS)
    rank, clean, loss, suggested, suggested_p, given_p, selected, fallback, _ = row[width:]
    return Candidate(
        sample=replace(samples.record(row[:width]), clean_probability=clean),
        run_id=run_id,
        rank=rank,
        clean_probability=clean,
        loss=float("nan") if loss is None else loss,
        suggested_class_id=suggested,
        suggested_probability=suggested_p,
        given_probability=given_p,
        selected=selected,
        fallback=fallback,
        top=tuple(
            ClassProbability(class_ids[index], float(probability))
            for index, probability in zip(detail["top_class"], detail["top_probability"])
            if index >= 0  # fewer than five classes
        ),
        neighbours=tuple(
            Neighbour(int(i), near[int(i)][0], float(similarity), near[int(i)][1])
            for i, similarity in zip(detail["neighbour_ids"], detail["neighbour_similarity"])
            if int(i) in near
        ),
        clean_history=tuple(float(value) for value in detail["history"]),
    )
