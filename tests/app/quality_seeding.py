"""A round with everything that the Quality page shows, and a partly done review of it."""

import numpy as np
from seeding import seed_project

from turn_core.config import TurnConfig
from turn_core.services import jobs, projects, review, runs, samples
from turn_core.services.workspace import Workspace
from turn_core.store import audits
from turn_core.store.arrays import save_arrays
from turn_core.types import Action, DecisionRequest, JobKind, JobState, ScoreRow

CLASSES = ("cat", "dog", "owl", "fox", "horse", "sheep")


def seed_quality(
    workspace: Workspace, *, num_samples: int = 240, decided: int = 40, audited: int = 0
) -> tuple[int, int]:
    """A round of which the first fifth is suspicious; `audited` at random, `decided` in all."""
    project_id = seed_project(
        workspace, num_samples=num_samples, class_names=CLASSES, num_images=24
    )
    run_id = seed_round(workspace, project_id)
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    bad = num_samples // 5
    workspace.write(lambda session: audits.draw(session, project_id, seed=0, number=audited))
    with workspace.reading() as session:
        drawn = np.searchsorted(ids, audits.order(session, project_id)).astype(np.int64)
    rest = np.setdiff1d(np.arange(num_samples), drawn)[: decided - audited]
    for queue, places in (("audit", drawn), ("worst_first", rest)):
        for place in places.tolist():
            wrong = place % 5 != 4 if place < bad else place % 37 == 0
            _decide(workspace, project_id, run_id, ids[place], wrong=wrong, queue=queue)
    return project_id, run_id


def _decide(
    workspace: Workspace, project_id: int, run_id: int, sample_id: int, *, wrong: bool, queue: str
) -> None:
    classes = [info.class_id for info in projects.classes(workspace, project_id)]
    sample = samples.get_sample(workspace, project_id, sample_id)
    assert sample.given_class_id is not None
    other = classes[(classes.index(sample.given_class_id) + 1) % len(classes)]
    request = DecisionRequest(
        sample_id=sample_id,
        version=sample.version,
        action=Action.RELABEL if wrong else Action.KEEP,
        idem_key=f"seed-{project_id}-{sample_id}",
        class_id=other if wrong else None,
        run_id=run_id,
        seconds_spent=3.5,
        queue=queue,
    )
    review.record(workspace, project_id, [request], actor="Ada")


def seed_round(workspace: Workspace, project_id: int) -> int:
    labels = samples.label_snapshot(workspace, project_id)
    n, k = len(labels), len(labels.class_ids)
    rng = np.random.default_rng(0)
    bad = n // 5
    clean = np.where(np.arange(n) < bad, 0.001 + 0.4 * (np.arange(n) / bad) ** 4, 0.97)
    clean += np.arange(n) * 0.02 / n
    loss = np.where(np.arange(n) < bad, rng.normal(5, 0.8, n), rng.gamma(1, 0.5, n))
    suggested = (labels.current + 1) % k
    run = runs.start_run(workspace, project_id, TurnConfig(), actor="tester")
    claimed = jobs.claim(workspace, "seeding", [JobKind.TRAIN], 60)
    assert claimed is not None
    rows = [
        ScoreRow(
            sample_id=int(labels.sample_ids[i]), rank=i, clean_probability=float(clean[i]),
            loss=float(loss[i]), suggested_class_id=labels.class_ids[suggested[i]],
            suggested_probability=0.7, given_probability=0.1, selected=bool(clean[i] > 0.6),
            fallback="none", row=i,
        )
        for i in range(n)
    ]  # fmt: skip
    save_arrays(workspace.files.scores(run.run_id), _arrays(labels, clean, loss, suggested, k))
    noise = {"value": 0.19, "low": 0.16, "high": 0.22}
    metrics = {"noise_rate": noise, "threshold": 0.6, "num_issues": bad}
    runs.save_scores(workspace, run.run_id, rows, metrics, {"device": "cpu", "features_key": "f"})
    jobs.finish(workspace, run.job_id, claimed.fence, state=JobState.DONE, result={})
    return run.run_id


def _arrays(labels, clean, loss, suggested, k):
    n = len(labels)
    top = (suggested[:, None] + np.arange(5)) % k
    bounds = np.tile([0.0, 7.0], (k + 1, 1))
    return {
        "sample_ids": labels.sample_ids,
        "label": labels.current,
        "clean_probability": np.tile(clean, (2, 1)).astype(np.float32),
        "final_loss": loss.astype(np.float32),
        "top_class": top,
        "top_probability": np.tile(np.float32([0.7, 0.1, 0.08, 0.06, 0.04]), (n, 1)),
        "neighbour_ids": labels.sample_ids[(np.arange(n)[:, None] + np.arange(1, 6)) % n],
        "neighbour_similarity": np.full((n, 5), 0.9, np.float32),
        "mixture_weights": np.tile([0.8, 0.2], (k + 1, 1)),
        "mixture_means": np.tile([0.07, 0.71], (k + 1, 1)),
        "mixture_variances": np.tile([0.005, 0.013], (k + 1, 1)),
        "mixture_bounds": bounds,
        "mixture_separation": np.full(k + 1, 6.7),
        "mixture_count": np.append(np.bincount(labels.current, minlength=k), n),
        "class_fallback": np.array([0] * (k - 1) + [1], np.int8),
        "model_class": np.arange(k),
        "opinion_flag": (np.arange(n) < n // 6) | (np.arange(n) % 29 == 7),
        "opinion_guess": suggested,
        "opinion_confidence": np.linspace(0, 0.9, n).astype(np.float32),
    }
