"""How a task passes on what a method tells of its stages."""

from collections.abc import Sequence

from turn_core.jobs.context import JobContext
from turn_core.methods.progress import CurvePoint, OnEvent, StageProgress


def teller(context: JobContext, stages: Sequence[str]) -> OnEvent:
    """Return what tells the job's progress and curves; `stages` are all there will be, in order."""

    def tell(event: StageProgress | CurvePoint) -> None:
        if isinstance(event, CurvePoint):
            context.curve(event.name, event.x, event.y)
            return
        context.progress(
            stage=event.stage,
            step=event.step,
            total=event.total,
            stage_index=stages.index(event.stage) + 1,
            num_stages=len(stages),
        )

    return tell
