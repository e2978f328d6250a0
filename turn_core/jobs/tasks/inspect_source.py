"""The inspect job: look into a source and return what was found as a `SourceReport`."""

from typing import Any

from turn_core.ingest import inspection
from turn_core.jobs.context import JobContext
from turn_core.services import imports


def run(context: JobContext) -> dict[str, Any]:
    """Inspect the source that the parameters name; nothing is stored.

    Raises:
        IngestError: the source cannot be read at all, or holds no images.
    """
    source = imports.source_of(context.params)
    any_path = context.params.get("any_path") is True
    path = imports.resolve(context.workspace, source, any_path=any_path)
    context.progress(stage="Look into the source", stage_index=1, num_stages=1)
    limits = context.workspace.settings.limits
    report = inspection.inspect(source, limits, path=path)
    return report.to_dict()
