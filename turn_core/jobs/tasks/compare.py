"""The compare job: samples and images in, a cell per method and seed out, as `study` keeps them."""

from typing import Any

from turn_core.compare_config import CompareConfig
from turn_core.experiments.compare import CompareInputs, run_comparison, stage_names
from turn_core.experiments.compare_data import Chosen, choose
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks import study
from turn_core.jobs.tasks.study import Attempt
from turn_core.types.comparing import COMPARISON, Cell


def run(context: JobContext) -> dict[str, Any]:
    """Compute the comparison of this job.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        DataError: the classes have too few usable samples.
        JobError: too many images cannot be read.
        ResourceError: disk or GPU are missing.
        JobCancelled: a person pressed Cancel; the cells that are whole stay.
    """
    return study.run(context, COMPARISON, _compare)


def _compare(attempt: Attempt[Cell]) -> dict[str, Any]:
    config = attempt.config(CompareConfig)
    attempt.stages += stage_names(config, with_images=True)
    chosen = attempt.drawn(
        attempt.work / "chosen.safetensors",
        Chosen,
        lambda candidates: choose(candidates, config),
        backbone=config.backbone,
        allow_hub=config.allow_hub,
    )
    attempt.note_drawn(chosen, chosen.summary(config), device=config.device)
    compared = run_comparison(
        CompareInputs(
            chosen=chosen,
            image_keys=attempt.hashes(chosen),
            work=attempt.work,
            open_pixels=attempt.opener(chosen),
        ),
        config,
        done=attempt.study.parts,
        on_cell=attempt.put,
        on_event=attempt.tell,
        check=attempt.context.check,
    )
    return {
        "features_seconds": compared.features_seconds,
        "views_seconds": compared.views_seconds,
    }
