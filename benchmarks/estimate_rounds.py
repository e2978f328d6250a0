"""Is the estimate of wrong labels right after a round of corrections on few photographs?

PACS photo (420 photographs, 7 classes) with 15 % of the labels flipped, by turn-mini as people
would have it: import, round 1, --decisions decisions in the order of the worst-first queue with
its audit (the reviewer gives the true label), round 2. After each step the table holds the share
of the current labels that is wrong, what the model alone says, and what the app shows.

    TURN_REAL_DATA=DIR make bench NAME=estimate_rounds ARGS="--seeds 5 [--home DIR]"

With --home the workspaces stay, and what is there is not computed again.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from turn_core import cli_local
from turn_core.ingest.source import SourceRef
from turn_core.services import (
    audit,
    jobs,
    local_source,
    overviews,
    projects,
    queues,
    review,
    runs,
    samples,
    wrong_labels,
)
from turn_core.services.local_source import Execute
from turn_core.services.workspace import Workspace
from turn_core.types import Action, DecisionRequest, Interval, Run
from turn_core.types.reviewing import Claimant

FLIPPED, REVIEWER = 0.15, "reviewer"


def flipped(photos: Path, target: Path, seed: int) -> dict[str, str]:
    """Class folders of links, 15 % of the photographs in a wrong one; file name -> truth."""
    rng = random.Random(seed)
    kinds = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
    truth: dict[str, str] = {}
    for kind in kinds:
        for file in sorted((photos / kind).iterdir()):
            wrong = rng.random() < FLIPPED
            given = rng.choice([other for other in kinds if other != kind]) if wrong else kind
            name = f"{given}/{kind}-{file.name}"
            truth[name] = kind
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                place.write_bytes(file.read_bytes())
    return truth


def train(workspace: Workspace, project_id: int, seed: int, number: int, execute: Execute) -> Run:
    """Round `number`, computed if it is not there."""
    done = [r for r in runs.list_runs(workspace, project_id) if r.state == "complete"]
    if len(done) < number:
        config = audit.configuration(
            audit.AuditRequest(source=SourceRef(kind="digits"), out=Path(), seed=seed),
            allow_hub=False,
        )
        local_source.clear_queue(workspace)
        run = runs.start_run(workspace, project_id, config, actor=REVIEWER)
        execute(jobs.get_job(workspace, run.job_id))
        done.append(runs.get_run(workspace, project_id, run.run_id))
    return sorted(done, key=lambda run: run.number)[number - 1]


def decide(
    workspace: Workspace, project_id: int, run: Run, truth: dict[str, str], number: int
) -> None:
    """Decide so many of the queue's next samples, one after the other, as the truth says."""
    classes = {info.name: info.class_id for info in projects.classes(workspace, project_id)}
    left = number - len(review.ledger(workspace, project_id))
    claimant = Claimant(reviewer=REVIEWER)
    cards = queues.next_candidates(
        workspace, project_id, run.run_id, limit=number, claimant=claimant
    )
    for card in cards[: max(left, 0)]:
        right = classes[truth[card.sample.file_name]]
        keep = card.sample.given_class_id == right
        request = DecisionRequest(
            sample_id=card.sample.sample_id,
            version=card.sample.version,
            action=Action.KEEP if keep else Action.RELABEL,
            class_id=None if keep else right,
            idem_key=f"{card.sample.sample_id}",
            run_id=run.run_id,
            queue=card.queue,
        )
        review.record(workspace, project_id, [request], actor=REVIEWER)


def wrong_share(workspace: Workspace, project_id: int, truth: dict[str, str]) -> float:
    """Share of the labels as they are now that is wrong."""
    found = samples.label_snapshot(workspace, project_id)
    now = [found.class_names[place] for place in found.current]
    return float(np.mean([truth[n] != label for n, label in zip(found.file_names, now)]))


def told(estimate: Interval | None, truth: float) -> str:
    if estimate is None:
        return "none"
    inside = "" if estimate.low <= truth <= estimate.high else " MISSES"
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]{inside}"


def rows(workspace: Workspace, execute: Execute, photos: Path, args: tuple[int, int]) -> Iterator:
    """One row per step: seed, step, truth, the model's estimate, the app's."""
    seed, decisions = args
    folder = workspace.settings.home.parent / "photos"
    truth = flipped(photos, folder, seed)
    request = audit.AuditRequest(source=SourceRef(kind="folder", path=str(folder)), out=folder)
    project = local_source.import_source(workspace, request, execute).project_id

    def row(step: str, run: Run) -> str:
        wrong = wrong_share(workspace, project, truth)
        model = told(overviews.noise_rate(run.metrics), wrong)
        return f"| {seed} | {step} | {wrong:.1%} | {model} | {shown(workspace, project, wrong)} |"

    first = train(workspace, project, seed, 1, execute)
    yield row("round 1", first)
    decide(workspace, project, first, truth, decisions)
    yield row(f"{decisions} decisions", first)
    yield row("round 2", train(workspace, project, seed, 2, execute))


def shown(workspace: Workspace, project_id: int, wrong: float) -> str:
    """What the app shows of all labels."""
    found = wrong_labels.wrong_labels(workspace, project_id)
    if found is None:
        return "none"
    return f"{told(found.share, wrong)} by the {found.source} of round {found.round_number}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--decisions", type=int, default=20)
    parser.add_argument("--home", type=Path, help="keep the workspaces here")
    args = parser.parse_args()
    if not (root := os.environ.get("TURN_REAL_DATA")):
        sys.exit("set TURN_REAL_DATA to the folder with pacs/")
    photos = Path(root) / "pacs" / "photo"
    print("| seed | after | truly wrong | by the model alone | shown |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        home = args.home or Path(folder)
        for seed in range(args.seeds):
            settings = cli_local.settings_for(home / f"seed-{seed}")
            with cli_local.opened(settings) as (workspace, execute):
                for line in rows(workspace, execute, photos, (seed, args.decisions)):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
