"""A comparison without a browser: import, compare, write the tables into a folder.

The workspace is private to the command, as `local_source` says; what is there is used again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turn_core.compare_config import CompareConfig
from turn_core.config import to_dict
from turn_core.experiments import compare_tables
from turn_core.ingest.source import SourceRef
from turn_core.services import comparisons, studies
from turn_core.services.local_source import ACTOR, Execute, finished_job, import_source
from turn_core.services.workspace import Workspace
from turn_core.types import Project
from turn_core.types.comparing import COMPARISON, Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """What to compare on, and how."""

    source: SourceRef
    out: Path
    config: CompareConfig
    image_column: str | None = None
    label_column: str | None = None
    true_label_column: str | None = None


def compare(workspace: Workspace, request: CompareRequest, execute: Execute) -> dict[str, Any]:
    """Compare on a source, write the tables into `request.out`, and return the report.

    Raises:
        BackboneError: the backbone is unknown or cannot be reached.
        IngestError: the source cannot be imported.
        DataError: its classes have too few usable samples.
        JobError: a job failed.
    """
    project = import_source(workspace, request, execute)
    done = _compared(workspace, project, request.config, execute)
    names = compare_tables.write_tables(done.parts, request.config.methods, request.out)
    return {
        "source": to_dict(request.source),
        "config": dict(done.config),
        "summary": dict(done.summary),
        "methods": compare_tables.plain_rows(comparisons.summarize(done)),
        "files": names,
    }


def _compared(
    workspace: Workspace, project: Project, config: CompareConfig, execute: Execute
) -> Comparison:
    def start() -> int:
        return comparisons.start_comparison(
            workspace, project.project_id, config, actor=ACTOR
        ).job_id

    job = finished_job(workspace, project, COMPARISON.job, config, execute, start)
    return studies.of_job(workspace, COMPARISON, job.job_id)
