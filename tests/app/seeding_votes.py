"""A project on which two reviewers vote, and their votes."""

import uuid

from seeding import seed_project, seed_run

from turn_core.services import audits, projects, review, samples
from turn_core.services.workspace import Workspace
from turn_core.types import Action, DecisionRequest, ReviewSettings


def seed_votes(workspace: Workspace, *, name: str = "animals", num_samples: int = 40) -> int:
    """Ann and Ben vote on the first six images: they disagree on the first two."""
    project_id = seed_project(workspace, name=name, num_samples=num_samples)
    seed_run(workspace, project_id)
    settings = ReviewSettings(audit_share=0, overlap=2)
    audits.set_settings(workspace, project_id, settings, actor="tester")
    ids = samples.label_snapshot(workspace, project_id).sample_ids[:6].tolist()
    owl = projects.classes(workspace, project_id)[2].class_id
    for place, sample_id in enumerate(ids):
        vote(workspace, project_id, sample_id, "ann")
        vote(workspace, project_id, sample_id, "ben", class_id=owl if place < 2 else None)
    return project_id


def vote(
    workspace: Workspace, project_id: int, sample_id: int, actor: str, class_id: int | None = None
) -> None:
    """Vote for a class, or for the given label."""
    request = DecisionRequest(
        sample_id=sample_id,
        version=samples.get_sample(workspace, project_id, sample_id).version,
        action=Action.KEEP if class_id is None else Action.RELABEL,
        idem_key=uuid.uuid4().hex,
        class_id=class_id,
        seconds_spent=2.5,
    )
    review.record(workspace, project_id, [request], actor=actor)
