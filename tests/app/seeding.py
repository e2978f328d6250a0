"""Projects with real little images and made-up scores, for pages that only show them."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from turn_core import images
from turn_core.config import TurnConfig
from turn_core.durable import atomic_write
from turn_core.services import audits, jobs, projects, runs
from turn_core.services.projects import NewProject, NewSample
from turn_core.services.workspace import Workspace
from turn_core.store.arrays import save_arrays
from turn_core.types import JobKind, JobState, ReviewSettings, SampleState, ScoreRow

CLASS_NAMES = ("cat", "dog", "owl", "fox")


def seed_project(
    workspace: Workspace,
    *,
    num_samples: int = 40,
    class_names: Sequence[str] = CLASS_NAMES,
    name: str = "animals",
    num_images: int | None = None,
    draw: Callable[[int], Image.Image] | None = None,
) -> int:
    """A project whose sample i has given class i % K; `num_images` different pictures.

    It is reviewed without a random audit, so that the order of its queue is that of the ranks.
    """
    pictures = map(draw or _picture, range(num_images or num_samples))
    shas = [_store(workspace, picture) for picture in pictures]
    samples = [
        NewSample(
            file_name=f"images/{i:05d}.png",
            sha256=shas[i % len(shas)],
            width=32,
            height=32,
            state=SampleState.OK,
            raw_label=class_names[i % len(class_names)],
            class_index=i % len(class_names),
        )
        for i in range(num_samples)
    ]
    new = NewProject(name, tuple(class_names))
    project_id = projects.create_project(workspace, new, samples, actor="tester")
    audits.set_settings(workspace, project_id, ReviewSettings(audit_share=0), actor="tester")
    return project_id


def seed_run(workspace: Workspace, project_id: int, *, num_issues: int = 10) -> int:
    """A complete run: sample number i has rank i; the first `num_issues` are suspicious."""
    run = runs.start_run(workspace, project_id, TurnConfig(), actor="tester")
    claimed = jobs.claim(workspace, "seeding", [JobKind.TRAIN], 60)
    assert claimed is not None
    classes = projects.classes(workspace, project_id)
    class_ids = [info.class_id for info in classes]
    sample_ids = _sample_ids(workspace, project_id)
    n, k = len(sample_ids), len(class_ids)
    suggested = [(i + 1) % k for i in range(n)]
    place = np.arange(n) / n
    clean = np.where(np.arange(n) < num_issues, 0.3 * place + 0.05, 0.25 * place + 0.7)
    rows = [
        ScoreRow(
            sample_id=sample_id,
            rank=i,
            clean_probability=float(clean[i]),
            loss=float(3.0 - clean[i]),
            suggested_class_id=class_ids[suggested[i]],
            suggested_probability=0.7,
            given_probability=0.1,
            selected=bool(clean[i] > 0.6),
            fallback="none",
            row=i,
        )
        for i, sample_id in enumerate(sample_ids)
    ]
    _save_details(workspace, run.run_id, sample_ids, suggested, clean, k)
    runs.save_scores(workspace, run.run_id, rows, _metrics(num_issues, n), {"device": "cpu"})
    jobs.finish(workspace, run.job_id, claimed.fence, state=JobState.DONE, result={})
    return run.run_id


def _metrics(num_issues: int, n: int) -> dict[str, object]:
    share = num_issues / n
    return {
        "noise_rate": {"value": share, "low": share * 0.9, "high": share * 1.1},
        "num_issues": num_issues,
        "threshold": 0.6,
        "best_accuracy": 0.91,
        "last_accuracy": 0.9,
        "timings": [{"stage": "features", "seconds": 12.5, "items": n, "per_second": n / 12.5}],
        "fallbacks": {"pooled": 3},
    }


def _save_details(
    workspace: Workspace,
    run_id: int,
    sample_ids: Sequence[int],
    suggested: Sequence[int],
    clean: np.ndarray,
    num_classes: int,
) -> None:
    n, top = len(sample_ids), min(5, num_classes)
    top_class = np.full((n, 5), -1, np.int64)
    top_probability = np.zeros((n, 5), np.float32)
    for i in range(n):
        top_class[i, :top] = [(suggested[i] + j) % num_classes for j in range(top)]
        top_probability[i, :top] = [0.7, 0.1, 0.08, 0.06, 0.04][:top]
    near = [[sample_ids[(i + j + 1) % n] for j in range(5)] for i in range(n)]
    save_arrays(
        workspace.files.scores(run_id),
        {
            "clean_probability": np.stack([clean * 0.8, clean * 0.9, clean]).astype(np.float32),
            "top_class": top_class,
            "top_probability": top_probability,
            "neighbour_ids": np.array(near, np.int64),
            "neighbour_similarity": np.tile(np.linspace(0.99, 0.9, 5, dtype=np.float32), (n, 1)),
        },
    )


def _sample_ids(workspace: Workspace, project_id: int) -> list[int]:
    from turn_core.services import samples

    return [int(i) for i in samples.label_snapshot(workspace, project_id).sample_ids]


def _picture(number: int) -> Image.Image:
    color = ((number * 53) % 256, (number * 97) % 256, (number * 193) % 256)
    picture = Image.new("RGB", (32, 32), color)
    for step in range(0, 32, 4):  # something to see
        picture.putpixel((step, number % 32), (255, 255, 255))
    return picture


def _store(workspace: Workspace, picture: Image.Image) -> str:
    data = images.encode_webp(picture, lossless=True)
    sha256 = hashlib.sha256(data).hexdigest()
    atomic_write(workspace.files.blob(sha256), data)
    atomic_write(workspace.files.thumb(sha256), images.encode_thumbnail(picture))
    return sha256
