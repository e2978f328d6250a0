"""Comparisons with made-up figures, for pages that only show them."""

from collections.abc import Sequence

from turn_core.compare_config import METHODS, CompareConfig
from turn_core.services import comparisons, jobs, studies
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind, JobState
from turn_core.types.comparing import Cell

METHODS_SHOWN = ("turn", "ce", "gce", "elr", "ce-fft", "nmtune")


def seed_comparison(
    workspace: Workspace,
    project_id: int,
    *,
    methods: Sequence[str] = METHODS_SHOWN,
    num_cells: int | None = None,
    finished: bool = True,
    error: str | None = None,
) -> int:
    """A comparison of three seeds; `num_cells` leaves the rest to be computed.

    `error` makes the last method fail with it.
    """
    config = CompareConfig(methods=tuple(methods), seed=len(methods))
    made = comparisons.start_comparison(workspace, project_id, config, actor="tester")
    claimed = jobs.claim(workspace, "seeding", [JobKind.COMPARE], 600)
    assert claimed is not None
    for place, (method, seed) in enumerate(config.cells()[:num_cells]):
        last = 0.9 - 0.03 * list(methods).index(method) + 0.004 * (seed % 3)
        tuner = METHODS[method].group == "tuner"
        spectrum = {"sve_before": 4.2, "sve_after": 3.6, "lsvr_before": 2.2, "lsvr_after": 1.7}
        cell = Cell(
            method=method,
            seed=seed,
            curve=(0.4, last + 0.01, last),
            seconds=2.0 + 30 * (METHODS[method].group in ("fft", "turn")),
            measures=spectrum if tuner else {},
            ready_at=1000.0 + place,
        )
        if error and method == methods[-1]:
            cell = Cell(method=method, seed=seed, ready_at=1000.0 + place, error=error)
        studies.save_part(workspace, made, cell)
    summary = {"num_held_out": 360, "labels": {"true": 0, "trusted": 0, "given": 360}}
    summary |= {"held_out_by": "share", "features_seconds": 42.0, "views_seconds": 130.0}
    studies.save_summary(workspace, made, summary)
    if finished:
        jobs.finish(workspace, made.job_id, claimed.fence, state=JobState.DONE, result={})
    return made.study_id
