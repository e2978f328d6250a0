"""An exploration without a browser: import, explore, copy tables and figures into a folder.

The workspace is private to the command, as `local_source` says; what is there is used again.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from turn_core import __version__
from turn_core.config import to_dict
from turn_core.durable import atomic_write
from turn_core.errors import ConfigError
from turn_core.explore_config import ExploreConfig
from turn_core.ingest.source import SourceRef
from turn_core.services import exploration_summaries, explorations, projects, studies
from turn_core.services.local_source import ACTOR, Execute, finished_job, import_source
from turn_core.services.workspace import Workspace
from turn_core.types import Project
from turn_core.types.exploring import EXPLORATION, Exploration

REPORT = "exploration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreRequest:
    """What to explore and how; classes are named, because nothing has numbered them yet."""

    source: SourceRef
    out: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `ExploreConfig` but for classes, mapping and superclasses."""
    classes: Sequence[str] = ()
    flips: Mapping[str, str] = field(default_factory=dict)
    """asymmetric_map noise: from class to class; the others keep their labels."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """asymmetric_superclass noise: the superclass of each class; the others are alone."""
    image_column: str | None = None
    label_column: str | None = None
    true_label_column: str | None = None


def explore(workspace: Workspace, request: ExploreRequest, execute: Execute) -> dict[str, Any]:
    """Explore a source into `request.out` and return the report.

    Raises:
        ConfigError: a setting is out of range, or a class is unknown.
        BackboneError: a backbone is unknown or cannot be reached.
        IngestError: the source cannot be imported.
        DataError: its classes have too few usable samples.
        JobError: a job failed.
    """
    project = import_source(workspace, request, execute)
    names = [info.name for info in projects.classes(workspace, project.project_id)]
    config = configuration(request, names, allow_hub=workspace.settings.allow_hub)
    done = _explored(workspace, project, config, execute)
    files = _copy(workspace, done, request.out)
    report = _report(workspace, request, project, done, files)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    atomic_write(request.out / REPORT, f"{text}\n".encode())
    return report


def configuration(
    request: ExploreRequest, class_names: Sequence[str] | None = None, *, allow_hub: bool
) -> ExploreConfig:
    """Return the config of a request; without class names only its ranges are checked.

    Raises:
        ConfigError: a setting is out of range, or a class is unknown.
    """
    values = dict(request.settings) | {"allow_hub": allow_hub}
    named = class_names or [*request.flips, *request.groups]
    index = {name: place for place, name in enumerate(named)}
    if request.flips:
        flips = {_find(a, index): _find(b, index) for a, b in request.flips.items()}
        values["mapping"] = tuple(flips.get(place, place) for place in index.values())
    if request.groups:
        numbers = {name: n for n, name in enumerate(dict.fromkeys(request.groups.values()))}
        groups = {_find(name, index): numbers[group] for name, group in request.groups.items()}
        values["superclasses"] = tuple(
            groups.get(place, len(numbers) + place) for place in index.values()
        )
    if request.classes and class_names:
        values["classes"] = tuple(_find(name, index) for name in request.classes)
    return ExploreConfig(**values)


def _find(name: str, index: Mapping[str, int]) -> int:
    if name not in index:
        known = ", ".join(list(index)[:20])
        raise ConfigError(f"there is no class {name!r}; the data have {known}")
    return index[name]


def _explored(
    workspace: Workspace, project: Project, config: ExploreConfig, execute: Execute
) -> Exploration:
    def start() -> int:
        return explorations.start_exploration(
            workspace, project.project_id, config, actor=ACTOR
        ).job_id

    job = finished_job(workspace, project, EXPLORATION.job, config, execute, start)
    return studies.of_job(workspace, EXPLORATION, job.job_id)


def _copy(workspace: Workspace, done: Exploration, out: Path) -> list[str]:
    """Copy the tables and figures; return their names."""
    out.mkdir(parents=True, exist_ok=True)
    names = done.summary.get("files", [])
    files = [str(name) for name in names] if isinstance(names, list) else []
    for name in files:
        path = explorations.result_file(workspace, done.project_id, done.study_id, name)
        shutil.copyfile(path, out / name)
    return files


def _report(
    workspace: Workspace,
    request: ExploreRequest,
    project: Project,
    done: Exploration,
    files: list[str],
) -> dict[str, Any]:
    told = exploration_summaries.summarize(workspace, project.project_id, done.study_id)
    return {
        "turn_audit": __version__,
        "source": to_dict(request.source),
        "num_samples": project.num_samples,
        "config": done.config,
        "summary": done.summary,
        "panels": [to_dict(panel) for panel in done.parts],
        "sentences": [summary.sentence for summary in told],
        "files": files,
    }
