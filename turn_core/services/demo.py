"""The demo: scikit-learn's digits with wrong labels put in, so that the truth is known."""

from collections.abc import Mapping

from turn_core.ingest.source import ImportPlan, SourceForm, SourceKind, SourceRef
from turn_core.services import imports, jobs, projects
from turn_core.services.imports import ImportRequest
from turn_core.services.workspace import Workspace
from turn_core.types import Job, JobKind

NAME = "Digits demo"
NOISE_RATE = 0.3


def source(seed: int = 0) -> SourceRef:
    """Return the digits of which 30 % get a wrong label, drawn by `seed`."""
    return SourceRef(kind=SourceKind.DIGITS, name="digits", seed=seed, noise_rate=NOISE_RATE)


def start_demo(workspace: Workspace, actor: str) -> Job:
    """Queue the import of the digits; its result names the project, as of every import.

    While one is queued or running (a second click), that job is returned. The project is called
    "Digits demo", with a number where there is one already.
    """
    for job in jobs.list_jobs(workspace, active_only=True):
        if job.kind is JobKind.IMPORT and _plan(job).get("form") == SourceForm.DIGITS:
            return job
    taken = {project.name for project in projects.list_projects(workspace)}
    names = [NAME, *(f"{NAME} {number}" for number in range(2, len(taken) + 2))]
    name = next(name for name in names if name not in taken)
    plan = ImportPlan(source=source(), form=SourceForm.DIGITS, name=name)
    return imports.start_import(workspace, ImportRequest(plan=plan), actor=actor)


def _plan(job: Job) -> Mapping[str, object]:
    plan = job.params.get("plan")
    return plan if isinstance(plan, dict) else {}
