"""A project of 100,000 samples with all that pages show: a round, decisions, votes, maps, tags.

Seeded, not computed: what the web process costs does not depend on where the scores came from.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "app")]

import quality_seeding  # noqa: E402
import seeding_comparisons  # noqa: E402
import seeding_maps  # noqa: E402

from turn_core import images  # noqa: E402
from turn_core.durable import atomic_write  # noqa: E402
from turn_core.services import audits, projects, review, samples, tags  # noqa: E402
from turn_core.services.projects import NewProject, NewSample  # noqa: E402
from turn_core.services.workspace import Workspace  # noqa: E402
from turn_core.types import Action, DecisionRequest, ReviewSettings, SampleState  # noqa: E402

NUM_CLASSES, NUM_PICTURES, AT_ONCE = 100, 500, 500
CLASSES = tuple(f"class {number:03d}" for number in range(NUM_CLASSES))


@dataclass(frozen=True)
class Large:
    """A seeded project, its round, a tag of it, and ids of its classes in order."""

    project_id: int
    run_id: int
    tag_id: int
    class_ids: tuple[int, ...]


def seed(
    workspace: Workspace, num_samples: int, *, decided: int = 3000, voted: int = 3000
) -> Large:
    """Make the project. A fifth of the labels is suspicious, one image in a hundred is there twice.

    Every third of the most suspicious is decided, `decided` in all. Then two people vote, on other
    images: `voted` votes wait for a second one, and on a tenth as many images the two disagree.
    """
    project_id = _import(workspace, num_samples)
    run_id = quality_seeding.seed_round(workspace, project_id)
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    class_ids = tuple(info.class_id for info in projects.classes(workspace, project_id))

    def review_as(actor: str, sample_ids: Sequence[int], is_wrong: Callable[[int], bool]) -> None:
        _review(workspace, (project_id, run_id), sample_ids, actor, is_wrong)

    review_as("ann", ids[1 : 3 * decided : 3], lambda place: place % 4 != 0)
    settings = ReviewSettings(audit_share=0.05, overlap=2)
    audits.set_settings(workspace, project_id, settings, actor="tester")
    start, half, tenth = 3 * decided, voted // 2, voted // 10
    review_as("ben", ids[start : start + half], lambda place: place % 4 != 0)
    review_as("cleo", ids[start + half : start + 2 * half], lambda place: place % 4 != 0)
    disputed = ids[start + 2 * half : start + 2 * half + tenth]
    review_as("ben", disputed, lambda _: True)
    review_as("cleo", disputed, lambda _: False)
    tagged = tags.tag_samples(workspace, project_id, "blurred", ids[100:5000], actor="tester")
    seeding_maps.seed_exploration(workspace, project_id, num_points=min(10_000, num_samples))
    seeding_comparisons.seed_comparison(workspace, project_id)
    return Large(project_id, run_id, tagged.tag_id, class_ids)


def _import(workspace: Workspace, num_samples: int) -> int:
    pictures = _pictures(workspace)
    new = [
        NewSample(
            file_name=f"images/{i:06d}.png",
            sha256=_link(workspace, pictures[i % len(pictures)], i - (i % 100 == 1)),
            width=320,
            height=320,
            state=SampleState.OK,
            raw_label=CLASSES[i % NUM_CLASSES],
            class_index=i % NUM_CLASSES,
        )
        for i in range(num_samples)
    ]
    named = NewProject("a hundred classes", CLASSES)
    return projects.create_project(workspace, named, new, actor="tester")


def _pictures(workspace: Workspace) -> list[str]:
    rng = np.random.default_rng(0)
    shas = []
    for _ in range(NUM_PICTURES):
        small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        picture = small.resize((320, 320), Image.Resampling.BICUBIC)
        data = images.encode_webp(picture, lossless=False)
        shas.append(hashlib.sha256(data).hexdigest())
        atomic_write(workspace.files.blob(shas[-1]), data)
        atomic_write(workspace.files.thumb(shas[-1]), images.encode_thumbnail(picture))
    return shas


def _link(workspace: Workspace, picture: str, number: int) -> str:
    """Let the image of this number, of its own hash, be this picture; no second file is written."""
    sha256 = hashlib.sha256(f"image {number}".encode()).hexdigest()
    for place in (workspace.files.blob, workspace.files.thumb):
        path = place(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            os.link(place(picture), path)
    return sha256


def _review(
    workspace: Workspace,
    of: tuple[int, int],
    sample_ids: Sequence[int],
    actor: str,
    is_wrong: Callable[[int], bool],
) -> None:
    """Decide in batches: where it is wrong the class after the given one is put."""
    project_id, run_id = of
    classes = [info.class_id for info in projects.classes(workspace, project_id)]
    following = dict(zip(classes, [*classes[1:], classes[0]]))
    for start in range(0, len(sample_ids), AT_ONCE):
        requests = []
        for place, sample_id in enumerate(sample_ids[start : start + AT_ONCE]):
            sample, wrong = samples.get_sample(workspace, project_id, sample_id), is_wrong(place)
            assert sample.given_class_id is not None
            requests.append(
                DecisionRequest(
                    sample_id=sample_id,
                    version=sample.version,
                    action=Action.RELABEL if wrong else Action.KEEP,
                    class_id=following[sample.given_class_id] if wrong else None,
                    idem_key="",
                    run_id=run_id,
                    seconds_spent=2.5,
                )
            )
        key = f"{actor}-{sample_ids[start]}"
        review.record_bulk(workspace, project_id, requests, actor=actor, batch_key=key)
