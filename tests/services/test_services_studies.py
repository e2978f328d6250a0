"""What holds for every kind of study."""

import pytest

from turn_core.compare_config import CompareConfig
from turn_core.errors import ConflictError, DataError, NotFoundError, PermissionDeniedError
from turn_core.explore_config import ExploreConfig
from turn_core.services import comparisons, explorations, jobs, members, projects, studies
from turn_core.services.overviews import NextStep
from turn_core.types import JobState
from turn_core.types.comparing import COMPARISON, Cell
from turn_core.types.exploring import EXPLORATION, Panel, PanelMethod
from turn_core.types.reviewing import Role

PANEL = Panel(0, "turn-mini", PanelMethod.BEFORE, None, {"cka": 1.0}, ("pca",), 9.0)
CELL = Cell(method="gce", seed=0, curve=(0.5,), ready_at=9.0)


class Bench:
    """A kind of study, with what starts one and one of its parts."""

    def __init__(self, workspace, project_id, kind):
        self.workspace, self.project_id, self.kind = workspace, project_id, kind
        self.part = PANEL if kind is EXPLORATION else CELL

    def start(self, *, seed=0, name="", actor="ann"):
        where = (self.workspace, self.project_id)
        if self.kind is EXPLORATION:
            config = ExploreConfig(seed=seed)
            return explorations.start_exploration(*where, config, name=name, actor=actor)
        config = CompareConfig(seed=seed)
        return comparisons.start_comparison(*where, config, name=name, actor=actor)

    def claim(self, worker="w"):
        return jobs.claim(self.workspace, worker, [self.kind.job])

    def get(self, study):
        return studies.get_study(self.workspace, self.kind, self.project_id, study.study_id)

    def delete(self, study, *, actor="ann"):
        where = (self.workspace, self.kind, self.project_id, study.study_id)
        studies.delete_study(*where, actor=actor)


@pytest.fixture(params=[EXPLORATION, COMPARISON], ids=lambda kind: kind.name)
def bench(workspace, make_project, request):
    return Bench(workspace, make_project(num_samples=36), request.param)


def test_a_study_comes_with_its_job_and_follows_it(bench):
    started = bench.start()
    assert (started.state, started.parts, started.created_by) == (JobState.QUEUED, (), "ann")
    assert studies.of_job(bench.workspace, bench.kind, started.job_id) == started
    with pytest.raises(ConflictError, match="still queued"):
        bench.start()
    claimed = bench.claim()
    told = {"state": JobState.FAILED, "error": "no disk"}
    jobs.finish(bench.workspace, started.job_id, claimed.fence, **told)
    ended = bench.get(started)
    assert (ended.state, ended.error) == (JobState.FAILED, "no disk")
    assert ended.finished_at is not None


def test_the_newest_study_comes_first_and_other_kinds_are_not_listed(bench):
    first, second = bench.start(), bench.start(seed=1)
    found = studies.list_studies(bench.workspace, bench.kind, bench.project_id)
    assert [study.study_id for study in found] == [second.study_id, first.study_id]
    other = COMPARISON if bench.kind is EXPLORATION else EXPLORATION
    assert studies.list_studies(bench.workspace, other, bench.project_id) == []
    with pytest.raises(NotFoundError, match=f"no {other.name}"):
        studies.get_study(bench.workspace, other, bench.project_id, first.study_id)


def test_a_fenced_worker_stores_nothing(bench):
    started, stale = bench.start(), bench.claim("w1")
    jobs.release(bench.workspace, started.job_id, stale.fence)
    bench.claim("w2")
    with pytest.raises(ConflictError, match="another worker"):
        studies.save_part(bench.workspace, started, bench.part, fence=stale.fence)
    with pytest.raises(ConflictError, match="another worker"):
        studies.save_summary(bench.workspace, started, {}, fence=stale.fence)
    assert bench.get(started).parts == ()


def test_a_running_study_is_not_deleted_and_a_finished_one_goes_with_its_files(bench):
    started = bench.start()
    studies.save_part(bench.workspace, started, bench.part)
    folder = bench.workspace.files.study(started.study_id)
    folder.mkdir(parents=True)
    with pytest.raises(ConflictError, match="cancel it first"):
        bench.delete(started)
    jobs.cancel(bench.workspace, started.job_id, actor="ann")
    bench.delete(started)
    assert not folder.exists()
    with pytest.raises(NotFoundError, match=f"no {bench.kind.name}"):
        bench.get(started)


def test_studies_go_with_their_project(bench):
    started = bench.start()
    studies.save_part(bench.workspace, started, bench.part)
    jobs.cancel(bench.workspace, started.job_id, actor="ann")
    projects.delete_project(bench.workspace, bench.project_id, actor="ann")
    with pytest.raises(NotFoundError):
        studies.of_job(bench.workspace, bench.kind, started.job_id)


def test_owners_start_and_delete_and_others_do_not(bench):
    members.set_member(bench.workspace, "ann", Role.OWNER, project_id=None, actor="ann")
    members.set_member(bench.workspace, "ben", Role.REVIEWER, project_id=None, actor="ann")
    made = bench.start()
    with pytest.raises(PermissionDeniedError):
        bench.start(seed=1, actor="ben")
    with pytest.raises(PermissionDeniedError):
        bench.delete(made, actor="ben")


def test_a_name_is_kept_and_an_unusable_one_told(bench):
    for name in ("a\nb", "x" * 201):
        with pytest.raises(DataError, match=f"{bench.kind.name}'s name"):
            bench.start(name=name)
    assert bench.start(name=" mine ").name == "mine"


def test_a_study_keeps_nobody_from_the_next_step(bench):
    bench.start()
    seen = projects.overview(bench.workspace, bench.project_id)
    assert (seen.next_step, seen.active_job.kind) == (NextStep.TRAIN, bench.kind.job)
