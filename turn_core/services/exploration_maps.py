"""What the explorer's page draws: the maps of a panel, and what its points are called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from turn_core.errors import NotFoundError
from turn_core.services import explorations
from turn_core.services.workspace import Workspace
from turn_core.store import samples as sample_queries
from turn_core.store.arrays import array_names, load_array

COLUMNS = ("pca", "tsne", "umap", "purity")
"""What a panel's file may hold per point: maps (M, 2), and the share of like neighbours (M,)."""


@dataclass(frozen=True, slots=True)
class PointName:
    """How a point is called, and the content of its image."""

    file_name: str
    sha256: str


def column(
    workspace: Workspace, project_id: int, exploration_id: int, idx: int, name: str
) -> NDArray[np.float32]:
    """Return one of `COLUMNS` of a panel: a map (M, 2), or the purity (M,) in 0..1.

    Raises:
        NotFoundError: there is no such panel, or it has no such column (yet).
    """
    path = explorations.panel_file(workspace, project_id, exploration_id, idx)
    if name not in COLUMNS or name not in array_names(path):
        raise NotFoundError(f"map {idx} of exploration {exploration_id} has no {name[:20]!r} (yet)")
    return np.asarray(load_array(path, name), np.float32)


def names(workspace: Workspace, project_id: int, sample_ids: Sequence[int]) -> list[PointName]:
    """Return the names of samples, in their order.

    Raises:
        NotFoundError: the project has no such sample.
    """
    found: dict[int, PointName] = {}
    with workspace.reading() as session:
        for part in sample_queries.chunks(sample_ids):
            for sample_id, sample in sample_queries.by_ids(session, project_id, part).items():
                found[sample_id] = PointName(sample.file_name, sample.sha256)
    if missing := [sample_id for sample_id in sample_ids if sample_id not in found]:
        raise NotFoundError(f"project {project_id} has no sample {missing[0]}: reload the page")
    return [found[sample_id] for sample_id in sample_ids]
