"""Queues by kind and filter, on both engines. Classes: 0 cat, 1 dog, 2 owl; tau is 0.6."""

import hashlib
import re

import pytest
from sqlalchemy import event

from turn_core.errors import DataError, NotFoundError
from turn_core.services import audits, projects, queues, review, samples
from turn_core.services.projects import NewProject, NewSample
from turn_core.store import engine as engines
from turn_core.store import queues as queue_queries
from turn_core.types import (
    Action,
    DecisionRequest,
    QueueFilter,
    QueueKind,
    ReviewSettings,
    ReviewStatus,
    SampleState,
)
from turn_core.types.reviewing import Claimant

CLEAN = [0.1, 0.65, 0.3, 0.55, 0.9, 0.2, 0.5, 0.95]


@pytest.fixture
def project_id(make_project):
    """Eight samples: cat, dog, owl, cat, dog, owl, cat, dog; the next class is suggested."""
    return make_project(num_samples=8)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


@pytest.fixture
def run(project_id, make_run):
    return make_run(project_id, clean=CLEAN)


@pytest.fixture
def class_ids(workspace, project_id):
    return [info.class_id for info in projects.classes(workspace, project_id)]


def shown(workspace, run, queue, **more):
    found = queues.next_candidates(workspace, run.project_id, run.run_id, queue, **more)
    return [candidate.sample.sample_id for candidate in found]


def decide(workspace, project_id, sample_id, action, class_id=None):
    seen = samples.get_sample(workspace, project_id, sample_id)
    request = DecisionRequest(
        sample_id=sample_id,
        version=seen.version,
        action=action,
        idem_key=f"{sample_id}-{seen.version}",
        class_id=class_id,
    )
    review.record(workspace, project_id, [request], actor="ann")


def pick(ids, *places):
    return [ids[place] for place in places]


def test_a_pair_holds_one_given_and_one_suggested_class(workspace, run, ids, class_ids):
    cat, dog, owl = class_ids
    pair = QueueFilter(kind=QueueKind.PAIR, given_class_id=cat, suggested_class_id=dog)
    assert shown(workspace, run, pair) == pick(ids, 0, 6, 3)
    none = QueueFilter(kind=QueueKind.PAIR, given_class_id=cat, suggested_class_id=owl)
    assert shown(workspace, run, none) == []


def test_near_tau_shows_the_nearest_first(workspace, run, ids):
    near = QueueFilter(kind=QueueKind.NEAR_TAU)  # 0.5 to 0.7
    assert shown(workspace, run, near) == pick(ids, 3, 1, 6)  # two at 0.05: the lower rank first
    assert shown(workspace, run, near, after=ids[1]) == pick(ids, 6)
    wider = QueueFilter(kind=QueueKind.NEAR_TAU, low=0.6, high=1)
    assert shown(workspace, run, wider) == pick(ids, 1, 4, 7)


def test_filters_combine(workspace, run, ids, class_ids):
    cat, dog, _ = class_ids
    assert shown(workspace, run, QueueFilter(low=0.2, high=0.55)) == pick(ids, 5, 2, 6, 3)
    both = QueueFilter(high=0.55, given_class_id=cat, class_id=cat)
    assert shown(workspace, run, both) == pick(ids, 0, 6, 3)
    assert shown(workspace, run, both, after=ids[0]) == pick(ids, 6, 3)
    near_dogs = QueueFilter(kind=QueueKind.NEAR_TAU, class_id=dog)
    assert shown(workspace, run, near_dogs) == pick(ids, 1)
    assert queues.count(workspace, run.project_id, run.run_id, both) == 3


def test_a_filter_can_ask_for_what_was_decided(workspace, project_id, run, ids):
    decide(workspace, project_id, ids[4], Action.NEEDS_REVIEW)
    decide(workspace, project_id, ids[0], Action.KEEP)
    decide(workspace, project_id, ids[2], Action.SKIP)
    hard = QueueFilter(statuses=(ReviewStatus.NEEDS_REVIEW,))
    assert shown(workspace, run, hard) == pick(ids, 4)
    every = QueueFilter(statuses=tuple(ReviewStatus))
    assert shown(workspace, run, every) == pick(ids, 0, 5, 6, 3, 1, 4, 7, 2)  # the skipped one last
    assert shown(workspace, run, every, after=ids[1]) == pick(ids, 4, 7, 2)
    skipped = QueueFilter(statuses=(ReviewStatus.SKIPPED,))
    assert shown(workspace, run, skipped) == pick(ids, 2)
    assert shown(workspace, run, skipped, after=ids[2]) == []


def test_going_on_behind_a_decided_sample_passes_over_none(workspace, project_id, run, ids):
    decide(workspace, project_id, ids[5], Action.KEEP)
    assert shown(workspace, run, QueueFilter(), after=ids[5], limit=2) == pick(ids, 2, 6)


def test_counts_are_those_of_the_queues(workspace, project_id, run, ids, class_ids):
    cat, dog, owl = class_ids
    decide(workspace, project_id, ids[0], Action.RELABEL, dog)  # cat -> dog, an issue
    decide(workspace, project_id, ids[3], Action.SKIP)
    counts = queues.queue_counts(workspace, project_id, run.run_id)
    assert counts.by_status[ReviewStatus.RELABELED] == counts.by_status[ReviewStatus.SKIPPED] == 1
    assert (counts.total.undecided, counts.total.issues) == (7, 4)
    assert list(counts.pairs) == [(dog, owl), (cat, dog), (owl, cat)]
    assert (counts.pairs[cat, dog].undecided, counts.pairs[cat, dog].issues) == (2, 2)
    assert (counts.classes[dog].undecided, counts.classes[dog].issues) == (3, 0)
    assert (counts.near_tau, counts.duplicates, counts.tags) == (3, 0, {})
    for (given, suggested), left in counts.pairs.items():
        pair = QueueFilter(kind=QueueKind.PAIR, given_class_id=given, suggested_class_id=suggested)
        assert queues.count(workspace, project_id, run.run_id, pair) == left.undecided
    near = QueueFilter(kind=QueueKind.NEAR_TAU)
    assert queues.count(workspace, project_id, run.run_id, near) == counts.near_tau


def twin_project(workspace):
    """Six images of three pictures: a and d, b and e, c and f are the same."""
    labels = [0, 1, 2, 1, 1, 0]
    rows = [
        NewSample(
            file_name=f"{name}.png",
            sha256=hashlib.sha256(str(place % 3).encode()).hexdigest(),
            width=8,
            height=8,
            state=SampleState.OK,
            raw_label=("cat", "dog", "owl")[label],
            class_index=label,
        )
        for place, (name, label) in enumerate(zip("abcdef", labels, strict=True))
    ]
    return projects.create_project(
        workspace, NewProject("twins", ("cat", "dog", "owl")), rows, actor="tester"
    )


def test_the_same_image_with_two_labels_is_queued_until_the_labels_agree(workspace, make_run):
    project_id = twin_project(workspace)
    a, _b, c, d, _e, f = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    run = make_run(project_id, clean=[0.9, 0.1, 0.8, 0.5, 0.2, 0.3])
    twins = QueueFilter(kind=QueueKind.DUPLICATES)
    assert shown(workspace, run, twins) == [d, a, f, c]  # b and e agree; image by image
    assert shown(workspace, run, twins, after=a) == [f, c]
    dog = projects.classes(workspace, project_id)[1].class_id
    decide(workspace, project_id, a, Action.RELABEL, dog)  # now a and d agree
    decide(workspace, project_id, f, Action.KEEP)  # c is still owl
    assert shown(workspace, run, twins) == [c]
    decide(workspace, project_id, f, Action.EXCLUDE)
    assert shown(workspace, run, twins) == []
    assert queues.queue_counts(workspace, project_id, run.run_id).duplicates == 0


def test_a_queue_that_cannot_be_is_refused():
    with pytest.raises(DataError, match="needs both classes"):
        QueueFilter(kind=QueueKind.PAIR, given_class_id=1)
    with pytest.raises(DataError, match="needs a tag"):
        QueueFilter(kind=QueueKind.TAG)
    with pytest.raises(DataError, match="low to high"):
        QueueFilter(low=0.7, high=0.2)
    with pytest.raises(DataError, match="low to high"):
        QueueFilter(high=float("nan"))
    with pytest.raises(DataError, match="review status"):
        QueueFilter(statuses=())


def test_counts_of_a_run_of_another_project_are_not_found(workspace, run, make_project):
    with pytest.raises(NotFoundError, match="has no run"):
        queues.queue_counts(workspace, make_project("other"), run.run_id)


def test_no_page_walks_through_all_samples_of_a_project(workspace, run, class_ids, monkeypatch):
    """Where many samples are left: SQLite would take the first index of the project it finds."""
    if not engines.is_sqlite(workspace.engine):
        pytest.skip("PostgreSQL counts its rows")
    monkeypatch.setattr(queue_queries, "FEW", 0)
    # Drawing the audit does look at all of them.
    audits.set_settings(workspace, run.project_id, ReviewSettings(audit_share=0), actor="ann")
    statements = []
    event.listen(
        workspace.engine,
        "before_cursor_execute",
        lambda *told: statements.append((told[2], told[3])),
    )
    wanted = [QueueFilter(kind=QueueKind.NEAR_TAU), QueueFilter(confidence=0.5)]
    wanted += [QueueFilter(), QueueFilter(class_id=class_ids[0]), QueueFilter(low=0.2)]
    wanted.append(QueueFilter(given_class_id=class_ids[0], suggested_class_id=class_ids[1]))
    for queue in wanted:
        assert shown(workspace, run, queue, claimant=Claimant("ann", "browser"))
    with workspace.engine.connect() as connection:
        plans = [
            row[3]
            for statement, values in statements
            if statement.startswith("SELECT sample")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert not [line for line in plans if re.search(r" sample .*\(project_id=\?\)$", line)]
