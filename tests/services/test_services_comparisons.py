import pytest

from turn_core.compare_config import CompareConfig
from turn_core.config import from_dict
from turn_core.errors import ConflictError, DataError, NotFoundError, PermissionDeniedError
from turn_core.services import comparison_results, comparisons, jobs, members, projects
from turn_core.services.overviews import NextStep
from turn_core.types import JobKind, JobState
from turn_core.types.comparing import Cell
from turn_core.types.reviewing import Role

CELL = Cell(
    method="gce",
    seed=0,
    curve=(0.5, 0.75),
    outside_accuracy=0.25,
    seconds=1.5,
    measures={"sve_before": 2.0, "lsvr_after": float("inf")},
    notes=("it rained",),
    ready_at=10.0,
)


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=36)


def start(workspace, project_id, **config):
    return comparisons.start_comparison(workspace, project_id, CompareConfig(**config), actor="ann")


def test_a_comparison_comes_with_its_job_and_follows_it(workspace, project_id):
    started = start(workspace, project_id, methods=("gce", "gce-fft", "turn"))
    assert (started.state, started.cells, started.created_by) == (JobState.QUEUED, (), "ann")
    assert started.name == "turn-mini: GCE, TURN"
    assert from_dict(CompareConfig, started.config).methods == ("gce", "gce-fft", "turn")
    assert comparison_results.of_job(workspace, started.job_id) == started
    with pytest.raises(ConflictError, match="still queued"):
        start(workspace, project_id, methods=("gce", "gce-fft", "turn"))
    claimed = jobs.claim(workspace, "w", [JobKind.COMPARE])
    jobs.finish(workspace, started.job_id, claimed.fence, state=JobState.FAILED, error="no disk")
    ended = comparisons.get_comparison(workspace, project_id, started.comparison_id)
    assert (ended.state, ended.error) == (JobState.FAILED, "no disk")


def test_cells_appear_as_they_are_ready_and_are_replaced(workspace, project_id):
    started = start(workspace, project_id)
    claimed = jobs.claim(workspace, "w", [JobKind.COMPARE])
    failed = Cell(method="ce", seed=1, ready_at=11.0, error="it diverged")
    for cell in (CELL, failed, CELL):
        comparison_results.save_cell(workspace, started, cell, fence=claimed.fence)
    summary = {"num_held_out": 7, "labels": {"given": 7}}
    comparison_results.save_summary(workspace, started, summary, fence=claimed.fence)
    (found,) = comparisons.list_comparisons(workspace, project_id)
    gce, ce = found.cells
    assert (gce.curve, gce.best_accuracy, gce.notes) == ((0.5, 0.75), 0.75, ("it rained",))
    assert gce.measures == {"sve_before": 2.0}  # not a number is left out
    assert (ce.error, ce.curve) == ("it diverged", ())
    rows = comparisons.summarize(found)
    assert [row.method for row in rows] == ["gce", "turn", "ce", "elr"]
    assert "7 held-out samples" in comparisons.sentences(found)[0]


def test_a_fenced_worker_stores_nothing(workspace, project_id):
    started = start(workspace, project_id)
    stale = jobs.claim(workspace, "w1", [JobKind.COMPARE])
    jobs.release(workspace, started.job_id, stale.fence)
    jobs.claim(workspace, "w2", [JobKind.COMPARE])
    with pytest.raises(ConflictError, match="another worker"):
        comparison_results.save_cell(workspace, started, CELL, fence=stale.fence)
    with pytest.raises(ConflictError, match="another worker"):
        comparison_results.save_summary(workspace, started, {}, fence=stale.fence)


def test_a_running_comparison_is_not_deleted_and_a_finished_one_is(workspace, project_id):
    started = start(workspace, project_id)
    comparison_results.save_cell(workspace, started, CELL)
    where = (workspace, project_id, started.comparison_id)
    with pytest.raises(ConflictError, match="cancel it first"):
        comparisons.delete_comparison(*where, actor="ann")
    jobs.cancel(workspace, started.job_id, actor="ann")
    comparisons.delete_comparison(*where, actor="ann")
    with pytest.raises(NotFoundError, match="no comparison"):
        comparisons.get_comparison(*where)


def test_comparisons_go_with_their_project(workspace, project_id):
    started = start(workspace, project_id)
    comparison_results.save_cell(workspace, started, CELL)
    jobs.cancel(workspace, started.job_id, actor="ann")
    projects.delete_project(workspace, project_id, actor="ann")
    with pytest.raises(NotFoundError):
        comparison_results.of_job(workspace, started.job_id)


def test_owners_compare_and_others_do_not(workspace, project_id):
    members.set_member(workspace, "ann", Role.OWNER, project_id=None, actor="ann")
    members.set_member(workspace, "ben", Role.REVIEWER, project_id=None, actor="ann")
    made = start(workspace, project_id)
    with pytest.raises(PermissionDeniedError):
        comparisons.start_comparison(workspace, project_id, CompareConfig(seed=1), actor="ben")
    with pytest.raises(PermissionDeniedError):
        comparisons.delete_comparison(workspace, project_id, made.comparison_id, actor="ben")


def test_too_few_samples_and_unusable_names_are_told(workspace, make_project, project_id):
    few = make_project("few", given=[0] * 10 + [1] * 9)
    with pytest.raises(DataError, match=r"two classes .* 1 have so many"):
        start(workspace, few)
    for name in ("a\nb", "x" * 201):
        with pytest.raises(DataError, match="comparison's name"):
            comparisons.start_comparison(
                workspace, project_id, CompareConfig(), name=name, actor="ann"
            )
    assert jobs.list_jobs(workspace) == []


def test_a_comparison_keeps_nobody_from_the_next_step(workspace, project_id):
    start(workspace, project_id)
    seen = projects.overview(workspace, project_id)
    assert (seen.next_step, seen.active_job.kind) == (NextStep.TRAIN, JobKind.COMPARE)
    assert comparisons.splits(workspace, project_id) == {}
