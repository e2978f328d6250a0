"""An audit without a browser: import, run, write labels and a report; what is there is used again.

The workspace is private to the audit, as `local_source` says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from turn_core import __version__
from turn_core.config import Method, TurnConfig, to_dict
from turn_core.durable import atomic_write
from turn_core.ingest.source import SourceRef
from turn_core.services import (
    backbones,
    exports,
    projects,
    runs,
    search_source,
)
from turn_core.services.local_source import ACTOR, Execute, finished_job, import_source
from turn_core.services.workspace import Workspace
from turn_core.types import JobKind, Project, Run

TABLES = {"labels.parquet": "parquet", "labels.csv": "csv"}
REPORT = "report.json"
DETECTION = ("auroc", "average_precision", "precision", "recall", "lift_100")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit and how; None leaves a setting to the backbone's preset."""

    source: SourceRef
    out: Path
    method: Method = "turn"
    backbone: str = backbones.DEFAULT
    image_column: str | None = None
    label_column: str | None = None
    true_label_column: str | None = None
    tau: float | None = None
    linear_probe_epochs: int | None = None
    finetune_epochs: int | None = None
    settings: Path | None = None
    """The `search.json` of a search, whose settings the probe takes."""
    seed: int = 0
    device: str = "auto"


def audit(workspace: Workspace, request: AuditRequest, execute: Execute) -> dict[str, Any]:
    """Audit a source into `request.out` and return the report.

    Raises:
        ConfigError: a setting is out of range.
        BackboneError: the backbone is unknown.
        IngestError: the source cannot be imported.
        DataError: its labels cannot be audited.
        JobError: a job failed.
    """
    config = configuration(request, allow_hub=workspace.settings.allow_hub)
    project = import_source(workspace, request, execute)
    run = _run(workspace, project, config, execute)
    request.out.mkdir(parents=True, exist_ok=True)
    for name, form in TABLES.items():
        exports.write_labels(workspace, project.project_id, run.run_id, request.out / name, form)
    report = _report(workspace, request, project, run)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(request.out / REPORT, f"{text}\n".encode())
    return report


def configuration(request: AuditRequest, *, allow_hub: bool) -> TurnConfig:
    """Return the preset of the backbone with what the request changes.

    Raises:
        ConfigError: a setting is out of range.
        BackboneError: the backbone is unknown.
        DataError: the file of a search is missing, or is none.
    """
    config = backbones.default_config(request.backbone, seed=request.seed)
    if request.settings is not None:
        config = search_source.with_settings_of(config, request.settings)
    probe, cleansing, finetune = config.probe, config.cleansing, config.finetune
    if request.linear_probe_epochs is not None:
        probe = replace(probe, epochs=request.linear_probe_epochs)
    if request.tau is not None:
        cleansing = replace(cleansing, threshold=request.tau)
    if request.finetune_epochs is not None:
        finetune = replace(finetune, epochs=request.finetune_epochs)
    return replace(
        config,
        method=request.method,
        device=request.device,
        allow_hub=allow_hub,
        probe=probe,
        cleansing=cleansing,
        finetune=finetune,
    )


def _run(workspace: Workspace, project: Project, config: TurnConfig, execute: Execute) -> Run:
    """Return the complete run of this configuration, starting or resuming it where needed."""

    def start() -> int:
        return runs.start_run(workspace, project.project_id, config, actor=ACTOR).job_id

    job = finished_job(workspace, project, JobKind.TRAIN, config, execute, start)
    return runs.run_of_job(workspace, job.job_id)


def _report(
    workspace: Workspace, request: AuditRequest, project: Project, run: Run
) -> dict[str, Any]:
    metrics: dict[str, Any] = dict(run.metrics)
    stages = metrics.pop("timings", [])
    imported = projects.overview(workspace, project.project_id).import_report or {}
    detection = {name: metrics.pop(name) for name in DETECTION if name in metrics}
    return {
        "turn_audit": __version__,
        "source": to_dict(request.source),
        "num_samples": project.num_samples,
        "num_classes": project.num_classes,
        "num_refused": imported.get("num_refused", 0),
        "noise_rate": metrics.pop("noise_rate", None),
        "num_issues": metrics.pop("num_issues", None),
        "threshold": metrics.pop("threshold", None),
        "detection": detection or None,
        "stages": [_import_stage(imported), *stages],
        "seed": run.seed,
        "config": run.config,
        "metrics": metrics,
        "environment": run.environment,
    }


def _import_stage(imported: Mapping[str, Any]) -> dict[str, Any]:
    seconds, items = float(imported.get("seconds", 0)), int(imported.get("num_samples", 0))
    rate = round(items / seconds, 3) if seconds else None
    return {"stage": "import", "seconds": seconds, "items": items, "per_second": rate}
