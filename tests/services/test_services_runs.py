import dataclasses
import math

import pytest

from turn_core.config import TurnConfig
from turn_core.errors import ConflictError, DataError
from turn_core.services import jobs, projects, review, runs, samples
from turn_core.services.overviews import NextStep
from turn_core.types import (
    Action,
    DecisionRequest,
    Interval,
    JobKind,
    JobState,
    SampleState,
    ScoreRow,
)


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


def start(workspace, project_id):
    return runs.start_run(workspace, project_id, TurnConfig(seed=7), actor="ann")


def scores(workspace, project_id):
    labels = samples.label_snapshot(workspace, project_id)
    return [
        ScoreRow(int(s), n, 0.5, 1.0, labels.class_ids[0], 0.6, 0.4, True, "none", n)
        for n, s in enumerate(labels.sample_ids)
    ]


def test_a_run_comes_with_its_job(workspace, project_id):
    run = start(workspace, project_id)
    assert (run.number, run.state, run.seed, run.num_samples) == (1, "queued", 7, 6)
    assert run.config["cleansing"]["threshold"] == 0.6
    job = jobs.get_job(workspace, run.job_id)
    assert (job.kind, job.project_id) == (JobKind.TRAIN, project_id)
    assert runs.run_of_job(workspace, job.job_id) == run
    with pytest.raises(ConflictError, match="still queued"):
        start(workspace, project_id)


def test_the_run_follows_its_job(workspace, project_id):
    run = start(workspace, project_id)

    def state():
        return runs.get_run(workspace, project_id, run.run_id).state

    claimed = jobs.claim(workspace, "w", [JobKind.TRAIN])
    assert state() == "running"
    jobs.release(workspace, run.job_id, claimed.fence)
    assert state() == "queued"
    claimed = jobs.claim(workspace, "w", [JobKind.TRAIN])
    jobs.finish(workspace, run.job_id, claimed.fence, state=JobState.FAILED, error="no memory")
    failed = runs.get_run(workspace, project_id, run.run_id)
    assert (failed.state, failed.error) == ("failed", "no memory")
    assert failed.finished_at is not None
    assert start(workspace, project_id).number == 2


def test_a_cancelled_job_cancels_its_run(workspace, project_id):
    run = start(workspace, project_id)
    jobs.cancel(workspace, run.job_id, actor="ann")
    assert runs.get_run(workspace, project_id, run.run_id).state == "cancelled"


def test_scores_make_a_run_complete_once(workspace, project_id):
    run = start(workspace, project_id)
    claimed = jobs.claim(workspace, "w", [JobKind.TRAIN])
    rows = scores(workspace, project_id)
    save = (workspace, run.run_id, rows, {"noise_rate": math.nan}, {"torch": "x"})
    assert runs.latest_complete_run(workspace, project_id) is None
    assert runs.save_scores(*save, fence=claimed.fence) is True
    assert runs.save_scores(*save, fence=claimed.fence) is False
    jobs.finish(workspace, run.job_id, claimed.fence, state=JobState.FAILED, error="late")
    done = runs.latest_complete_run(workspace, project_id)
    assert (done.state, done.metrics, done.environment, done.error) == (
        "complete",
        {"noise_rate": None},
        {"torch": "x"},
        None,
    )


def test_late_scores_of_a_fenced_worker_are_refused(workspace, project_id):
    run = start(workspace, project_id)
    stale = jobs.claim(workspace, "w1", [JobKind.TRAIN])
    jobs.release(workspace, run.job_id, stale.fence)
    jobs.claim(workspace, "w2", [JobKind.TRAIN])
    rows = scores(workspace, project_id)
    with pytest.raises(ConflictError, match="another worker"):
        runs.save_scores(workspace, run.run_id, rows, {}, {}, fence=stale.fence)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"clean_probability": math.nan}, "is nan, not in 0..1"),
        ({"given_probability": 1.5}, "is 1.5, not in 0..1"),
        ({"suggested_class_id": 999}, "suggested class 999"),
        ({"rank": 1}, "the same rank"),
    ],
)
def test_scores_out_of_range_are_refused_as_a_whole(workspace, project_id, change, told):
    run = start(workspace, project_id)
    rows = scores(workspace, project_id)
    rows[0] = dataclasses.replace(rows[0], **change)
    with pytest.raises(DataError, match=told):
        runs.save_scores(workspace, run.run_id, rows, {}, {})
    assert runs.get_run(workspace, project_id, run.run_id).state == "queued"


def test_scores_of_an_ended_run_are_refused(workspace, project_id):
    run = start(workspace, project_id)
    runs.fail_run(workspace, run.run_id, "out of memory")
    with pytest.raises(ConflictError, match="run 1 is failed"):
        runs.save_scores(workspace, run.run_id, scores(workspace, project_id), {}, {})


def test_labels_that_cannot_be_audited_are_named(workspace, make_project):
    one = make_project("one", given=[1, 1, 1])
    with pytest.raises(DataError, match="all 3 usable ones are 'dog'"):
        start(workspace, one)
    states = [SampleState.UNREADABLE, SampleState.UNLABELLED]
    none = make_project("none", given=[1, None], states=states)
    with pytest.raises(DataError, match="no sample has an image that can be read and a label"):
        start(workspace, none)
    assert jobs.list_jobs(workspace) == []


def test_two_rounds_are_compared(workspace, project_id, make_run):
    noise = {"noise_rate": {"value": 0.3, "low": 0.2, "high": 0.4}}
    first = make_run(project_id, clean=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], metrics=noise)
    second = make_run(project_id, clean=[0.6, 0.2, 0.3, 0.4, 0.5, 0.1])
    change = runs.compare_rounds(workspace, project_id, first.run_id, second.run_id)
    assert (change.noise_before, change.noise_after) == (Interval(0.3, 0.2, 0.4), None)
    assert (change.num_common, change.top_size, change.num_new_in_top) == (6, 6, 0)
    # ranks 0..5 against 5,1,2,3,4,0: 1 - 6 * (25 + 25) / (6 * 35)
    assert change.rank_correlation == pytest.approx(1 - 300 / 210)
    moves = [(m.file_name, m.rank_before, m.rank_after) for m in change.moved]
    assert moves == [("images/00005.png", 5, 0), ("images/00000.png", 0, 5)]


def test_the_next_step_follows_what_is_there(workspace, project_id, make_run):
    def step():
        return projects.overview(workspace, project_id).next_step

    def keep(sample_id):
        request = DecisionRequest(
            sample_id=sample_id, version=0, action=Action.KEEP, idem_key=f"k{sample_id}"
        )
        review.record(workspace, project_id, [request], actor="ann")

    assert step() is NextStep.TRAIN
    queued = start(workspace, project_id)
    assert step() is NextStep.WAIT
    jobs.cancel(workspace, queued.job_id, actor="ann")
    make_run(project_id, clean=[0.1, 0.7, 0.8, 0.9, 0.9, 0.9])
    seen = projects.overview(workspace, project_id)
    assert (seen.next_step, seen.num_issues) == (NextStep.REVIEW, 1)
    keep(int(samples.label_snapshot(workspace, project_id).sample_ids[0]))
    assert step() is NextStep.RETRAIN
    make_run(project_id, clean=[0.7] * 6)
    assert step() is NextStep.EXPORT
