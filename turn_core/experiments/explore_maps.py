"""From features to a panel: its figures and its maps, each told as soon as it is there.

M points, D feature dimensions.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from turn_core.distortion import neighbour_purity, panel_metrics, trustworthiness
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.explore_plan import Planned
from turn_core.explore_config import ProjectionMethod
from turn_core.predictions import OnProgress
from turn_core.projection import align, project, project_aligned
from turn_core.seeds import derive
from turn_core.types.exploring import Panel, PanelMethod

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelMaker:
    """Measures and maps the features of the same M points, panel after panel."""

    folder: PanelFolder
    sample_ids: NDArray[np.int64]
    best: NDArray[np.int64]
    """(M,) best known labels, -1 for none."""
    projections: Sequence[ProjectionMethod]
    plan: Sequence[Planned]
    seed: int
    on_panel: Callable[[Panel], None]
    check: Callable[[], None]

    def is_done(self, planned: Planned) -> bool:
        """Whether all maps of a panel are there."""
        panel = self.folder.load(planned.idx)
        return panel is not None and set(panel.projections) >= set(self.projections)

    def make(
        self,
        planned: Planned,
        before: Floats,
        after: Floats,
        found: Mapping[str, float],
        on_progress: OnProgress,
    ) -> Panel:
        """Return the panel of features `after` (M, D); `found` are figures known already.

        PCA is told at once, the slower maps when they are done; what is there stays.
        """
        panel = self.folder.load(planned.idx)
        if panel is None:
            panel, arrays = self._measured(planned, before, after, found)
        else:
            arrays = self.folder.arrays(planned.idx)
            self.on_panel(panel)
        for method in self.projections:
            if method not in panel.projections:
                arrays[method] = self._map(planned, after, method, on_progress)
                trust = trustworthiness(after, arrays[method], check=self.check)
                metrics = {**panel.metrics, "trustworthiness": trust}
                metrics[f"trustworthiness_{method}"] = trust
                panel = record(planned, metrics, (*panel.projections, method))
                self.folder.save(panel, arrays)
                self.on_panel(panel)
        return panel

    def _measured(
        self, planned: Planned, before: Floats, after: Floats, found: Mapping[str, float]
    ) -> tuple[Panel, dict[str, NDArray[Any]]]:
        seed = derive(self.seed, "explore", "metrics")
        metrics = panel_metrics(before, after, self.best, None, seed=seed, check=self.check)
        arrays: dict[str, NDArray[Any]] = {
            "sample_ids": self.sample_ids,
            "purity": neighbour_purity(after, self.best).astype(np.float32),
        }
        return record(planned, {**metrics, **found}, ()), arrays

    def _map(
        self,
        planned: Planned,
        features: Floats,
        method: ProjectionMethod,
        on_progress: OnProgress,
    ) -> Floats:
        """A map of its own for the first panel; the others start from it and lie on it."""
        seed = derive(self.seed, "explore", "map", method)
        told: dict[str, Any] = {"seed": seed, "on_progress": on_progress, "check": self.check}
        reference = self._reference(planned)
        if reference is None:
            return project(features, method, **told)
        first = self.folder.arrays(reference)[method]
        if method == "pca":
            return align(project(features, method, **told), first)
        return project_aligned(features, first, method, **told)

    def _reference(self, planned: Planned) -> int | None:
        """Number of the panel whose map comes first for this one, None for the very first.

        Panels after training follow the one before of their backbone; those before follow that
        of the first backbone, so that a point can be found again in every column.
        """
        if planned.method is PanelMethod.BEFORE:
            return 0 if planned.idx else None
        return next(
            other.idx
            for other in self.plan
            if other.backbone == planned.backbone and other.method is PanelMethod.BEFORE
        )


def record(planned: Planned, metrics: Mapping[str, float], maps: Sequence[str]) -> Panel:
    """Return the record of a panel as of now."""
    plain = {name: float(value) for name, value in metrics.items()}
    return Panel(
        idx=planned.idx,
        backbone=planned.backbone,
        method=planned.method,
        noise_level=planned.level,
        metrics=plain,
        projections=tuple(maps),
        ready_at=time.time(),
    )
