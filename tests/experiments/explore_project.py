"""A project of coloured squares in a workspace, and the explore job on it in this process."""

import hashlib
from dataclasses import replace

import small_data

from turn_core.config import ExploreConfig
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks import explore
from turn_core.services import explorations, jobs, projects, studies
from turn_core.services.projects import NewProject, NewSample
from turn_core.types import JobKind, JobState, SampleState
from turn_core.types.exploring import EXPLORATION

NAMES = tuple(small_data.COLOURS)


def make_squares(workspace, *, per_class=24, split=None):
    """Store the squares with their images; every sixth given label is wrong."""
    items = []
    for number, (given, true, data) in enumerate(small_data.squares(per_class)):
        sha256 = hashlib.sha256(data).hexdigest()
        blob = workspace.files.blob(sha256)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        items.append(
            NewSample(
                file_name=f"{number:03d}.png",
                sha256=sha256,
                width=16,
                height=16,
                state=SampleState.OK,
                raw_label=given,
                class_index=NAMES.index(given),
                true_index=NAMES.index(true),
                split=split(number) if split else None,
            )
        )
    return projects.create_project(workspace, NewProject("squares", NAMES), items, actor="ann")


def quick_config(backbone, **changes):
    values = {"levels": (0.5,), "epochs": 1, "batch_size": 16, "device": "cpu"}
    return ExploreConfig(backbones=(str(backbone),), **{**values, **changes})


def start(workspace, project_id, config):
    started = explorations.start_exploration(workspace, project_id, config, actor="ann")
    claimed = jobs.claim(workspace, "w", [JobKind.EXPLORE])
    return started, JobContext(workspace, claimed.job, claimed.fence)


def finished(workspace, project_id, config):
    """Run the job to its end and return the exploration."""
    started, context = start(workspace, project_id, config)
    explore.run(context)
    jobs.finish(workspace, started.job_id, context.fence, state=JobState.DONE)
    return studies.get_study(workspace, EXPLORATION, project_id, started.study_id)


def comparable(exploration):
    """The panels without their times."""
    return [replace(panel, ready_at=0) for panel in exploration.parts]
