"""Explorations: start one; what colours its maps, and its files. `studies` does the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from turn_core.errors import DataError, NotFoundError
from turn_core.explore_config import MIN_CLASS_SIZE, ExploreConfig
from turn_core.services import overviews, studies
from turn_core.services.workspace import Workspace
from turn_core.store import projects as project_queries
from turn_core.store import runs as run_queries
from turn_core.store import samples as sample_queries
from turn_core.store import scores as score_queries
from turn_core.store.arrays import load_array
from turn_core.types import ReviewStatus
from turn_core.types.exploring import EXPLORATION, Exploration

FILE_NAMES = frozenset(
    {f"{stem}.{end}" for stem in ("coordinates", "metrics") for end in ("parquet", "csv")}
    | {f"{stem}.{end}" for stem in ("figure2", "curves") for end in ("png", "svg", "html")}
)
"""Files that a finished exploration may have: `summary["files"]` says which."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """What colours the M points of every map, as of now; classes are indices, -1 for none.

    Row m of every array is point m of the panels' files.
    """

    sample_ids: NDArray[np.int64]
    given: NDArray[np.int64]
    suggested: NDArray[np.int64]
    current: NDArray[np.int64]
    true: NDArray[np.int64]
    clean_probability: NDArray[np.float32]
    """(M,) nan where the run has no score."""
    is_issue: NDArray[np.bool_]
    """(M,) pending, and at or below tau of the run."""
    reviewed: NDArray[np.bool_]
    """(M,) not pending any more."""
    class_ids: tuple[int, ...]
    class_names: tuple[str, ...]
    run_id: int | None
    """The latest complete run, which gave suggestions and clean probabilities."""
    label_rev: int


def start_exploration(
    workspace: Workspace, project_id: int, config: ExploreConfig, *, name: str = "", actor: str
) -> Exploration:
    """Start an exploration; without a name it gets one.

    Raises:
        DataError: the chosen classes have too few usable samples, and what `start_study` raises.
    """
    return studies.start_study(
        workspace,
        EXPLORATION,
        project_id,
        config,
        name=name.strip() or default_name(config),
        check=lambda session: _check_classes(session, project_id, config),
        actor=actor,
    )


def default_name(config: ExploreConfig) -> str:
    """Return what an exploration is called that nobody named."""
    levels = ", ".join(f"{level:.0%}" for level in config.levels)
    backbones = ", ".join(Path(name).name for name in config.backbones)
    return f"{backbones}: {config.noise.replace('_', ' ')} noise {levels}"[: studies.MAX_NAME_CHARS]


def panel_file(workspace: Workspace, project_id: int, exploration_id: int, idx: int) -> Path:
    """Return the array file of a panel: sample_ids, purity, and its maps.

    Raises:
        NotFoundError: there is no such panel with a map, or its file was deleted.
    """
    exploration = studies.get_study(workspace, EXPLORATION, project_id, exploration_id)
    panel = next((p for p in exploration.parts if p.idx == idx and p.projections), None)
    path = workspace.files.panel(exploration_id, idx)
    if panel is None or not path.is_file():
        raise NotFoundError(f"exploration {exploration_id} has no map {idx} (yet)")
    return path


def result_file(workspace: Workspace, project_id: int, exploration_id: int, name: str) -> Path:
    """Return a file of a finished exploration: a table of coordinates or metrics, or a figure.

    Raises:
        NotFoundError: there is no such exploration or file.
    """
    studies.get_study(workspace, EXPLORATION, project_id, exploration_id)
    path = workspace.files.study(exploration_id) / name if name in FILE_NAMES else None
    if path is None or not path.is_file():
        raise NotFoundError(f"exploration {exploration_id} has no file {name[:40]!r}")
    return path


def points(workspace: Workspace, project_id: int, exploration_id: int) -> Points:
    """Return what colours the maps: the labels of now, and the scores of the latest run.

    Raises:
        NotFoundError: the project has no such exploration, or none of its panels is ready.
    """
    exploration = studies.get_study(workspace, EXPLORATION, project_id, exploration_id)
    panel = next((panel for panel in exploration.parts if panel.projections), None)
    if panel is None:
        raise NotFoundError(f"exploration {exploration_id} has no panel yet: wait for the first")
    ids = load_array(workspace.files.panel(exploration_id, panel.idx), "sample_ids")
    with workspace.reading() as session:
        project = project_queries.get_project(session, project_id)
        classes = project_queries.class_list(session, project_id)
        run = run_queries.latest_complete_run(session, project_id)
        run_id = None if run is None else run.run_id
        rows = score_queries.point_rows(session, project_id, ids.tolist(), run_id)
    index = {class_id: place for class_id, place, _ in classes}
    at = {row[0]: row for row in rows}
    ordered = [at[sample_id] for sample_id in ids.tolist()]
    clean = np.array([np.nan if row[5] is None else row[5] for row in ordered], np.float32)
    pending = np.array([row[4] == ReviewStatus.PENDING for row in ordered], np.bool_)
    tau = 0.0 if run is None else overviews.threshold(run)
    return Points(
        sample_ids=np.array(ids),
        given=_indices(ordered, 1, index),
        suggested=_indices(ordered, 6, index),
        current=_indices(ordered, 2, index),
        true=_indices(ordered, 3, index),
        clean_probability=clean,
        is_issue=pending & (clean <= tau) & (run is not None),
        reviewed=~pending,
        class_ids=tuple(class_id for class_id, _, _ in classes),
        class_names=tuple(name for _, _, name in classes),
        run_id=run_id,
        label_rev=project.label_rev,
    )


def _check_classes(session: Session, project_id: int, config: ExploreConfig) -> None:
    counts = sample_queries.usable_classes(session, project_id)
    classes = project_queries.class_list(session, project_id)
    place = {class_id: index for class_id, index, _ in classes}
    usable = {place[class_id] for class_id, count in counts.items() if count >= MIN_CLASS_SIZE}
    chosen = usable if config.classes is None else usable & set(config.classes)
    if config.classes is not None and max(config.classes) >= len(classes):
        raise DataError(
            f"the project has classes 0 to {len(classes) - 1}, got {max(config.classes)}"
        )
    if len(chosen) < 2:
        raise DataError(
            f"an exploration needs two classes with {MIN_CLASS_SIZE} usable samples each (half of "
            f"them to train, half to look at), {len(chosen)} of those chosen have so many"
        )


def _indices(rows: list[Any], column: int, index: Mapping[int, int]) -> NDArray[np.int64]:
    found = [index[row[column]] if row[column] is not None else -1 for row in rows]
    return np.array(found, np.int64)
