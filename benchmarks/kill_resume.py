"""SIGKILL of the worker at random moments of a training run: same scores, how much time lost?

A run on the digits with 30 % wrong labels is computed once undisturbed, then once per kill; each
starts without cached features. Scores must be equal bit for bit.

    make bench NAME=kill_resume [ARGS="--kills 5 --finetune-epochs 2 --backbone NAME|PATH"]
"""

import argparse
import random
import time
from dataclasses import dataclass, replace

import harness
import numpy as np

from turn_core.config import TurnConfig
from turn_core.services import backbones, demo, jobs, runs
from turn_core.services.workspace import Workspace
from turn_core.store.arrays import load_array
from turn_core.types import JobState

ARRAYS = (
    *("sample_ids", "final_clean_probability", "final_loss", "clean_probability", "loss"),
    *("selected", "top_class", "top_probability", "neighbour_ids"),
)


@dataclass(frozen=True)
class Row:
    """One run of the table."""

    name: str
    killed_at: str
    attempts: int
    seconds: float
    scores: str


def configuration(args: argparse.Namespace) -> TurnConfig:
    """The preset, in the arithmetic that does not depend on how busy the machine is."""
    config = backbones.default_config(args.backbone)
    finetune = replace(config.finetune, epochs=args.finetune_epochs, precision="fp32")
    return replace(config, device=args.device, finetune=finetune)


def compute(
    workspace: Workspace, project_id: int, config: TurnConfig, kill_after: float | None
) -> tuple[int, str, int, float]:
    """(run id, where it was killed, attempts, seconds from its start to its end)."""
    for path in workspace.files.array("any").parent.glob("*"):
        path.unlink()
    run = runs.start_run(workspace, project_id, config, actor="benchmark")
    worker, killed_at = harness.start_worker(workspace), "-"
    started = lambda: jobs.get_job(workspace, run.job_id).state is not JobState.QUEUED  # noqa: E731
    try:
        harness.wait(started, "the start of the run", 60)
        if kill_after is not None:
            time.sleep(kill_after)
            harness.kill(worker)
            progress = jobs.get_job(workspace, run.job_id).progress
            where = f"{progress.stage} {progress.step}/{progress.total}" if progress.stage else "-"
            killed_at = f"{kill_after:.1f} s: {where}"
            worker = harness.start_worker(workspace)
        job = harness.ended(workspace, run.job_id)
    finally:
        harness.kill(worker)
    return run.run_id, killed_at, job.attempt, (job.finished_at or 0) - (job.started_at or 0)


def compare(workspace: Workspace, project_id: int, run_a: int, run_b: int) -> str:
    """Whether all arrays of two runs are equal, and the largest difference of each where not."""
    one, other = (runs.get_run(workspace, project_id, run) for run in (run_a, run_b))
    if one.environment["code_sha256"] != other.environment["code_sha256"]:
        return "not comparable: the code was changed meanwhile"
    gaps = []
    for name in ARRAYS:
        a, b = (load_array(workspace.files.scores(run), name) for run in (run_a, run_b))
        if a.tobytes() != b.tobytes():
            gap = np.nanmax(np.abs(a.astype(float) - b.astype(float)))
            gaps.append(f"{name} by up to {gap:.2g}")
    return f"different: {', '.join(gaps)}" if gaps else "equal"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--finetune-epochs", type=int, default=2)
    parser.add_argument("--backbone", default=backbones.DEFAULT)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    print(f"machine: {harness.machine()}", flush=True)
    with harness.temporary_workspace() as workspace:
        worker = harness.start_worker(workspace)
        imported = harness.ended(workspace, demo.start_demo(workspace, "benchmark").job_id)
        harness.kill(worker)
        project_id = int(str((imported.result or {})["project_id"]))
        config, moment = configuration(args), random.Random(args.seed)
        first, _, attempts, seconds = compute(workspace, project_id, config, None)
        rows = [Row("undisturbed", "-", attempts, seconds, "reference")]
        print(rows[0], flush=True)
        shortest = seconds
        while len(rows) <= args.kills:
            after = moment.uniform(0, shortest)
            run_id, where, attempts, took = compute(workspace, project_id, config, after)
            scores = compare(workspace, project_id, first, run_id)
            if attempts == 1:  # a less busy machine: it had ended before the kill
                shortest = min(shortest, took)
                continue
            rows.append(Row(f"kill {len(rows)}", where, attempts, took, scores))
            print(rows[-1], flush=True)
    print("\n| run | killed at | attempts | seconds | scores |\n|---|---|---|---|---|")
    for row in rows:
        cells = (row.name, row.killed_at, row.attempts, f"{row.seconds:.1f}", row.scores)
        print("| " + " | ".join(map(str, cells)) + " |")
    if any(row.scores not in ("reference", "equal") for row in rows):
        raise SystemExit("scores differ")


if __name__ == "__main__":
    main()
