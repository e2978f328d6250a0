"""A search without a browser: import, search, write the settings found and a table of all trials.

The workspace is private to the command, as `local_source` says; what is there is used again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turn_core import __version__
from turn_core.config import ProbeConfig, SearchConfig, TurnConfig, from_dict, to_dict
from turn_core.durable import atomic_write
from turn_core.errors import ConfigError, DataError
from turn_core.export.plain_tables import write_tables
from turn_core.ingest.source import SourceRef
from turn_core.services import backbones, searches
from turn_core.services.local_source import ACTOR, Execute, finished_job, import_source
from turn_core.services.searches import Search
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind, Project

REPORT = "search.json"
TRIALS = "trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """On what to search and how."""

    source: SourceRef
    out: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `SearchConfig`."""
    image_column: str | None = None
    label_column: str | None = None
    true_label_column: str | None = None


def search(workspace: Workspace, request: SearchRequest, execute: Execute) -> dict[str, Any]:
    """Search on a source into `request.out` and return the report.

    Raises:
        ConfigError: a setting is out of range.
        BackboneError: the backbone is unknown or cannot be reached.
        IngestError: the source cannot be imported.
        DataError: its classes have too few usable samples.
        JobError: a job failed.
    """
    config = configuration(request, allow_hub=workspace.settings.allow_hub)
    project = import_source(workspace, request, execute)
    found = _searched(workspace, project, config, execute)
    request.out.mkdir(parents=True, exist_ok=True)
    files = write_tables(request.out, TRIALS, found.trials)
    report = _report(request, project, config, found, files)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(request.out / REPORT, f"{text}\n".encode())
    return report


def configuration(request: SearchRequest, *, allow_hub: bool) -> SearchConfig:
    """Return the config of a request.

    Raises:
        ConfigError: a setting is out of range.
        BackboneError: the backbone is unknown.
    """
    config = SearchConfig(**{**request.settings, "allow_hub": allow_hub})
    backbones.default_config(config.backbone)
    return config


def with_settings_of(config: TurnConfig, path: Path) -> TurnConfig:
    """Return the config with the probe's settings that a search wrote into `path`.

    Raises:
        DataError: the file is missing or is not what a search writes.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        probe = from_dict(ProbeConfig, report["probe"])
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise DataError(
            f"{path} holds no settings of a search; give the {REPORT} that `search` wrote"
        ) from error
    return searches.applied(config, probe)


def _searched(
    workspace: Workspace, project: Project, config: SearchConfig, execute: Execute
) -> Search:
    def start() -> int:
        return searches.start_search(workspace, project.project_id, config, actor=ACTOR).job_id

    job = finished_job(workspace, project, JobKind.SEARCH, config, execute, start)
    found = searches.list_searches(workspace, project.project_id)
    return next(search for search in found if search.job_id == job.job_id)


def _report(
    request: SearchRequest,
    project: Project,
    config: SearchConfig,
    found: Search,
    files: list[str],
) -> dict[str, Any]:
    return {
        "turn_audit": __version__,
        "source": to_dict(request.source),
        "num_samples": project.num_samples,
        "num_used": found.num_samples,
        "num_held_out": found.num_held_out,
        "num_settings": found.num_settings,
        "num_failed": found.num_failed,
        "probe": to_dict(found.probe),
        "accuracy": found.accuracy,
        "preset_accuracy": found.preset_accuracy,
        "seconds": found.seconds,
        "config": to_dict(config),
        "files": files,
    }
