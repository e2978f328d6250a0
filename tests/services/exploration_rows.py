"""An exploration with two panels that are ready, without a job having run."""

import time
from dataclasses import replace

import numpy as np

from turn_core.explore_config import ExploreConfig
from turn_core.services import explorations, jobs, samples, studies
from turn_core.store.arrays import save_arrays
from turn_core.types import JobKind, JobState
from turn_core.types.exploring import EXPLORATION, Panel, PanelMethod

BEFORE = Panel(
    idx=0,
    backbone="turn-mini",
    method=PanelMethod.BEFORE,
    noise_level=None,
    metrics={"separability": 0.8, "cka": 1.0},
    projections=("pca",),
    ready_at=0.0,
)


def explored(workspace, project_id, *, config=None, num_points=4):
    """An exploration of the project, done, with panels before and after FFT at 90 %."""
    started = explorations.start_exploration(
        workspace, project_id, config or ExploreConfig(), actor="ann"
    )
    claimed = jobs.claim(workspace, "w", [JobKind.EXPLORE])
    ids = samples.label_snapshot(workspace, project_id).sample_ids[:num_points]
    spread = np.random.default_rng(0).random((num_points, 2)).astype(np.float32)
    arrays = {"sample_ids": ids, "purity": np.ones(num_points, np.float32), "pca": spread}
    after = replace(
        BEFORE,
        idx=1,
        method=PanelMethod.FFT,
        noise_level=0.9,
        metrics={"separability": 0.6, "cka": float("nan")},
    )
    for panel in (BEFORE, after):
        save_arrays(workspace.files.panel(started.study_id, panel.idx), arrays)
        panel = replace(panel, ready_at=time.time())
        studies.save_part(workspace, started, panel, fence=claimed.fence)
    studies.save_summary(workspace, started, {"num_points": num_points}, fence=claimed.fence)
    jobs.finish(workspace, started.job_id, claimed.fence, state=JobState.DONE)
    return studies.get_study(workspace, EXPLORATION, project_id, started.study_id)
