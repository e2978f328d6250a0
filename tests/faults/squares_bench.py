"""A project of coloured squares, a small backbone, and workers that die at a named moment."""

import small_data
from worker_bench import Bench

from turn_core.ingest.source import ImportPlan, SourceForm, SourceRef
from turn_core.jobs import local
from turn_core.services import imports, jobs
from turn_core.services.imports import ImportRequest

TASKS = "deadly_tasks"


class SquaresBench(Bench):
    def __init__(self, folder):
        super().__init__(folder / "home", tasks_module=TASKS)
        self.home = self.workspace.settings.home
        self.backbone = small_data.save_backbone(folder / "tiny")
        source = small_data.write_zip(folder / "squares.zip", small_data.squares(per_class=40))
        plan = ImportPlan(
            source=SourceRef.at_path(source), form=SourceForm.CLASS_FOLDERS, name="squares"
        )
        job = imports.start_import(
            self.workspace, ImportRequest(plan=plan), actor="test", any_path=True
        )
        self.project_id = self.run_here(job.job_id).result["project_id"]

    def run_here(self, job_id):
        """Run a queued job in this process; there must be no worker."""
        return local.run_here(
            self.workspace, self.job(job_id), on_progress=lambda progress: None, tasks_module=TASKS
        )

    def reports(self):
        """ "stage step" of all that jobs reported since `forget_reports`, in order, each once."""
        return list(dict.fromkeys((self.home / "reports").read_text().splitlines()))

    def forget_reports(self):
        (self.home / "reports").unlink(missing_ok=True)

    def killed_at(self, *moments):
        """Run the queued job; its worker is killed at each of these moments, and replaced."""
        for moment in moments:
            (self.home / "kill-at").write_text(moment)
            worker = self.start_worker()
            self.wait(lambda: worker.poll() is not None, f"the moment {moment}")  # noqa: B023
        self.start_worker()

    def cancelled_by_itself(self, job_id, stage):
        """Cancel a job in this stage; no signal comes, so it has to hear of it. Returns its end."""
        self.start_worker(cancel_patience=3600)
        self.wait(lambda: stage in self.job(job_id).progress.stage, stage)
        jobs.cancel(self.workspace, job_id, actor="test")
        return self.ended(job_id)
