import pytest

from turn_core.ingest.source import SourceRef
from turn_core.jobs.context import JobContext
from turn_core.jobs.tasks import import_source, inspect_source
from turn_core.services import imports, jobs, leases
from turn_core.types import JobKind, JobState


class Importer:
    """Runs inspections and imports as a worker does, in this process."""

    def __init__(self, workspace):
        self.workspace = workspace

    def _run(self, job, task, stop=None):
        claimed = leases.claim(self.workspace, "test", [job.kind])
        assert claimed is not None
        assert claimed.job.job_id == job.job_id
        context = JobContext(self.workspace, claimed.job, claimed.fence, stop=stop)
        state, result = JobState.FAILED, None
        try:
            result = task(context)
            state = JobState.DONE
        finally:
            leases.finish(
                self.workspace, job.job_id, claimed.fence, state=state, result=result, error=None
            )
        self.last = jobs.get_job(self.workspace, job.job_id)
        return result

    def inspect(self, source):
        source = source if isinstance(source, SourceRef) else SourceRef.at_path(source)
        job = imports.start_inspect(self.workspace, source, actor="ann", any_path=True)
        self._run(job, inspect_source.run)
        return imports.report_of(self.last)

    def take(self, plan, stop=None):
        request = imports.ImportRequest(plan=plan)
        job = imports.start_import(self.workspace, request, actor="ann", any_path=True)
        assert job.kind == JobKind.IMPORT
        return self._run(job, import_source.run, stop)


@pytest.fixture
def importer(workspace):
    return Importer(workspace)
