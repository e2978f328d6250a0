"""An audit without a browser: import, run, write labels and a report; what is there is used again.

The workspace is private to the audit. The caller says how a queued job is run (`execute`): the
services know nothing of worker processes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from turn_core import __version__
from turn_core.config import TurnConfig, to_dict
from turn_core.durable import atomic_write
from turn_core.errors import ConflictError, DataError, IngestError, JobError
from turn_core.ingest import inspection
from turn_core.ingest.source import ImportPlan, SourceRef
from turn_core.services import backbones, exports, imports, jobs, leases, projects, runs
from turn_core.services.imports import ImportRequest
from turn_core.services.workspace import Workspace
from turn_core.types import Job, Project, Run

Execute = Callable[[Job], Job]
"""Runs a queued job to its end and returns it; raises a TurnError if it does not succeed."""

ACTOR = "command line"
TABLES = {"labels.parquet": "parquet", "labels.csv": "csv"}
REPORT = "report.json"
DETECTION = ("auroc", "average_precision", "precision", "recall", "lift_100")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit and how; None leaves a setting to the backbone's preset."""

    source: SourceRef
    out: Path
    backbone: str = backbones.DEFAULT
    image_column: str | None = None
    label_column: str | None = None
    true_label_column: str | None = None
    tau: float | None = None
    linear_probe_epochs: int | None = None
    finetune_epochs: int | None = None
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
    project = _import(workspace, request, execute)
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
    """
    config = backbones.default_config(request.backbone, seed=request.seed)
    probe, cleansing, finetune = config.probe, config.cleansing, config.finetune
    if request.linear_probe_epochs is not None:
        probe = replace(probe, epochs=request.linear_probe_epochs)
    if request.tau is not None:
        cleansing = replace(cleansing, threshold=request.tau)
    if request.finetune_epochs is not None:
        finetune = replace(finetune, epochs=request.finetune_epochs)
    return replace(
        config,
        device=request.device,
        allow_hub=allow_hub,
        probe=probe,
        cleansing=cleansing,
        finetune=finetune,
    )


def _import(workspace: Workspace, request: AuditRequest, execute: Execute) -> Project:
    """Return the project of this source, importing it unless it is there unchanged."""
    name = _project_name(request)
    found = [project for project in projects.list_projects(workspace) if project.name == name]
    if found:
        return found[0]
    _clear_queue(workspace)
    plan = _plan(workspace, request, name)
    job = imports.start_import(workspace, ImportRequest(plan=plan), actor=ACTOR, any_path=True)
    result = execute(job).result
    if result is None:
        raise JobError(f"The import ended without a project; the log is job-{job.job_id}.log")
    return projects.get_project(workspace, int(str(result["project_id"])))


def _plan(workspace: Workspace, request: AuditRequest, name: str) -> ImportPlan:
    path = imports.resolve(workspace, request.source, any_path=True)
    report = inspection.inspect(request.source, workspace.settings.limits, path=path)
    chosen = {
        column: value
        for column in ("image_column", "label_column", "true_label_column")
        if (value := getattr(request, column)) is not None
    }
    if report.problem and not chosen:
        raise IngestError(report.problem)
    if chosen and not report.tables:
        raise DataError(
            f"{request.source.title} has no table, so it has no column {min(chosen.values())!r};"
            " leave the column options out"
        )
    return replace(report.plan, name=name, **chosen)


def _run(workspace: Workspace, project: Project, config: TurnConfig, execute: Execute) -> Run:
    """Return the complete run of this configuration, starting or resuming it where needed."""
    wanted = to_dict(config)
    same = [r for r in runs.list_runs(workspace, project.project_id) if dict(r.config) == wanted]
    complete = [run for run in same if run.state == "complete"]
    if complete:
        return complete[0]
    waiting = {run.job_id for run in same if run.state == "queued"}
    _clear_queue(workspace, keep=waiting)
    if waiting:
        run = next(run for run in same if run.job_id in waiting)
    else:
        run = runs.start_run(workspace, project.project_id, config, actor=ACTOR)
    execute(jobs.get_job(workspace, run.job_id))
    return runs.get_run(workspace, project.project_id, run.run_id)


def recover(workspace: Workspace) -> None:
    """Give jobs back that a killed audit left running. Only for who has the workspace alone.

    Raises:
        ConflictError: a worker runs on it; its jobs are not ours to stop.
    """
    if jobs.worker_status(workspace).alive:
        raise ConflictError(
            f"a worker runs on {workspace.settings.home}: stop the app there first (a minute after "
            "a crash it is forgotten), or choose another --out"
        )
    for process in leases.running_processes(workspace):
        leases.release(workspace, process.job_id, process.fence)


def _clear_queue(workspace: Workspace, keep: set[int] | None = None) -> None:
    """Cancel what an earlier, stopped command with other settings left in the queue."""
    for job in jobs.list_jobs(workspace, active_only=True):
        if job.job_id not in (keep or set()):
            jobs.cancel(workspace, job.job_id, actor=ACTOR)


def _project_name(request: AuditRequest) -> str:
    """Name the source with a fingerprint, so that changed data are imported anew."""
    source = request.source
    columns = [request.image_column, request.label_column, request.true_label_column]
    what = [to_dict(source), columns, _fingerprint(Path(source.path)) if source.path else None]
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    return f"{source.title[:100]} {digest[:12]}"


def _fingerprint(path: Path) -> list[Any]:
    """Size and time of every file: what changes when the data do, without reading them."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    stats = [(str(file.relative_to(path)), file.stat()) for file in files if file.exists()]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


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
