"""Explorations with made-up maps: classes as clouds that fine-tuning tightens or mixes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from turn_core.explore_config import ExploreConfig
from turn_core.services import explorations, jobs, samples, studies
from turn_core.services.workspace import Workspace
from turn_core.store.arrays import save_arrays
from turn_core.types import JobKind, JobState
from turn_core.types.exploring import Exploration, Panel, PanelMethod

FLOATS = NDArray[np.float32]


def seed_exploration(
    workspace: Workspace,
    project_id: int,
    *,
    backbones: Sequence[str] = ("turn-mini",),
    levels: Sequence[float] = (0.1, 0.9),
    with_turn: bool = False,
    num_points: int | None = None,
    finished: bool = True,
    num_panels: int | None = None,
) -> int:
    """A finished exploration of the first samples; `num_panels` leaves the rest to be computed."""
    config = ExploreConfig(
        backbones=tuple(backbones), levels=tuple(levels), with_turn=with_turn, max_points=100_000
    )
    made = explorations.start_exploration(workspace, project_id, config, actor="tester")
    claimed = jobs.claim(workspace, "seeding", [JobKind.EXPLORE], 600)
    assert claimed is not None
    snapshot = samples.label_snapshot(workspace, project_id)
    ids, labels = snapshot.sample_ids[:num_points], snapshot.given[:num_points]
    planned = _planned(backbones, levels, with_turn=with_turn)
    for idx, (backbone, method, level) in enumerate(planned[:num_panels]):
        _save(workspace, made, Panel(idx, backbone, method, level, {}, (), 0.0), ids, labels)
    studies.save_summary(
        workspace,
        made,
        {
            "num_points": len(ids),
            "class_names": list(snapshot.class_names),
            "num_panels": len(planned),
            "files": [],
        },
    )
    if finished:
        jobs.finish(workspace, made.job_id, claimed.fence, state=JobState.DONE, result={})
    return made.study_id


def _planned(
    backbones: Sequence[str], levels: Sequence[float], *, with_turn: bool
) -> list[tuple[str, PanelMethod, float | None]]:
    planned: list[tuple[str, PanelMethod, float | None]] = []
    for backbone in backbones:
        planned.append((backbone, PanelMethod.BEFORE, None))
        for level in levels:
            planned += [(backbone, PanelMethod.FFT, level), (backbone, PanelMethod.PROBE, level)]
            if with_turn:
                planned.append((backbone, PanelMethod.TURN, level))
    return planned


def _save(
    workspace: Workspace,
    exploration: Exploration,
    panel: Panel,
    ids: NDArray[np.int64],
    labels: NDArray[np.int64],
) -> None:
    """Clouds around a circle: tight where labels are right, on top of each other at 90 %."""
    mixed = {PanelMethod.FFT: panel.noise_level or 0.0, PanelMethod.TURN: 0.05}
    blur = mixed.get(panel.method, 0.35)
    metrics = _metrics(panel, blur)
    maps: tuple[str, ...] = ()
    if panel.method is not PanelMethod.PROBE:
        rng = np.random.default_rng(7)  # the same for all: a point keeps its place in its cloud
        noise = rng.normal(size=(2, len(ids), 2)).astype(np.float32)
        k = labels.max() + 1
        angle = 2 * np.pi * labels / k
        centre = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        cloud = 8 * (1 - 0.9 * blur) * centre + (0.5 + 1.6 * blur) * noise[0]
        arrays = {
            "sample_ids": ids,
            "pca": (0.6 * cloud + 0.5 * noise[1]).astype(np.float32),
            "tsne": cloud.astype(np.float32),
            "purity": np.clip(1 - blur + 0.1 * noise[1][:, 0], 0, 1).astype(np.float32),
        }
        save_arrays(workspace.files.panel(exploration.study_id, panel.idx), arrays)
        maps = ("pca", "tsne")
    ready = Panel(
        panel.idx,
        panel.backbone,
        panel.method,
        panel.noise_level,
        metrics,
        maps,
        1000.0 + panel.idx,
    )
    studies.save_part(workspace, exploration, ready)


def _metrics(panel: Panel, blur: float) -> dict[str, float]:
    found = {"accuracy": 0.95 - 0.8 * blur}
    if panel.method is PanelMethod.PROBE:
        return {"accuracy": 0.9 - 0.3 * (panel.noise_level or 0.0)}
    found |= {
        "cka": 1.0 if panel.method is PanelMethod.BEFORE else 0.95 - 0.7 * blur,
        "neighbours_kept": 1.0 if panel.method is PanelMethod.BEFORE else 0.6 - 0.5 * blur,
        "purity": 0.95 - 0.8 * blur,
        "knn_accuracy": 0.97 - 0.8 * blur,
        "silhouette": 0.5 - 0.6 * blur,
        "separability": 0.98 - 0.5 * blur,
        "sve": 4.2 - blur,
        "lsvr": 1.5 + blur,
        "trustworthiness": 0.97 - 0.1 * blur,
    }
    return found
