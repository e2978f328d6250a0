"""The explore job: samples and images in, panels, tables and figures out; see `study` for more."""

from typing import Any

from turn_core.config import ExploreConfig
from turn_core.experiments.explore import ExploreInputs, run_exploration
from turn_core.experiments.explore_data import Selection, select_samples
from turn_core.experiments.explore_figures import write_figures
from turn_core.experiments.explore_panels import PanelFolder
from turn_core.experiments.explore_plan import panel_plan, stage_names
from turn_core.experiments.explore_tables import write_tables
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks import study
from turn_core.jobs.tasks.study import Attempt
from turn_core.methods.progress import StageProgress
from turn_core.types.exploring import EXPLORATION, Panel

WRITE = "Write tables and figures"


def run(context: JobContext) -> dict[str, Any]:
    """Compute the exploration of this job.

    Raises:
        BackboneError: a backbone is unknown or cannot be reached.
        DataError: the classes have too few usable samples.
        JobError: training diverged, or too many images cannot be read.
        ResourceError: disk or GPU are missing.
        JobCancelled: a person pressed Cancel; the panels that are whole stay.
    """
    return study.run(context, EXPLORATION, _explore)


def _explore(attempt: Attempt[Panel]) -> dict[str, Any]:
    config = attempt.config(ExploreConfig)
    attempt.stages += [*stage_names(config), WRITE]
    selection = attempt.drawn(
        attempt.folder / "selection.safetensors",
        Selection,
        lambda candidates: select_samples(candidates, config),
        backbone=config.backbones[0],
        allow_hub=config.allow_hub,
    )
    told = selection.summary() | {"num_panels": len(panel_plan(config))}
    attempt.note_drawn(selection, told, device=config.device)
    run_exploration(
        ExploreInputs(
            selection=selection,
            open_pixels=attempt.opener(selection),
            folder=attempt.folder,
            work=attempt.work,
        ),
        config,
        on_panel=attempt.put,
        on_event=attempt.tell,
        check=attempt.context.check,
    )
    attempt.tell(StageProgress(WRITE, 0, 1))
    return {"files": _write(attempt, selection)}


def _write(attempt: Attempt[Panel], selection: Selection) -> list[str]:
    folder, file_names = PanelFolder(attempt.folder), attempt.file_names(selection)
    names = attempt.snapshot.class_names
    files = write_tables(folder, selection, class_names=names, file_names=file_names)
    labels = selection.best[selection.points]
    return files + write_figures(folder, labels, class_names=attempt.class_names(selection))
