"""Many decisions at once: one batch, one undo, one redo; each sample behind its own gates."""

import pytest

from turn_core.errors import DataError, NotFoundError
from turn_core.services import projects, queues, review, samples
from turn_core.types import (
    Action,
    DecisionRequest,
    Outcome,
    QueueFilter,
    QueueKind,
    ReviewStatus,
)

SAVED, REPLAYED, CONFLICT = Outcome.SAVED, Outcome.REPLAYED, Outcome.CONFLICT


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


@pytest.fixture
def dog(workspace, project_id):
    return projects.classes(workspace, project_id)[1].class_id


def relabel(sample_id, class_id, version=0, **more):
    return DecisionRequest(
        sample_id=sample_id,
        version=version,
        action=Action.RELABEL,
        class_id=class_id,
        idem_key="unused",
        **more,
    )


def bulk(workspace, project_id, requests, key="batch-1", actor="ann"):
    results = review.record_bulk(workspace, project_id, requests, actor=actor, batch_key=key)
    return [result.outcome for result in results]


def statuses(workspace, project_id, ids):
    return [samples.get_sample(workspace, project_id, i).status for i in ids]


def keep(workspace, project_id, sample_id, version):
    request = DecisionRequest(
        sample_id=sample_id, version=version, action=Action.KEEP, idem_key=f"k{version}"
    )
    return review.record(workspace, project_id, [request], actor="ben")[0]


def test_a_batch_is_stored_once_and_marked(workspace, project_id, ids, dog):
    batch = [relabel(i, dog, queue="pair") for i in (ids[0], ids[2])]
    assert bulk(workspace, project_id, batch) == [SAVED, SAVED]
    assert bulk(workspace, project_id, batch) == [REPLAYED, REPLAYED]
    events = review.ledger(workspace, project_id)
    assert [(e.bulk, e.batch_key, e.queue) for e in events] == [(True, "batch-1", "pair")] * 2
    assert projects.get_project(workspace, project_id).label_rev == 2


def test_a_sample_changed_meanwhile_is_a_conflict_and_the_others_are_saved(
    workspace, project_id, ids, dog
):
    keep(workspace, project_id, ids[0], 0)
    outcomes = bulk(workspace, project_id, [relabel(ids[0], dog), relabel(ids[2], dog)])
    assert outcomes == [CONFLICT, SAVED]
    assert statuses(workspace, project_id, [ids[0], ids[2]]) == ["kept", "relabeled"]


def test_one_undo_takes_the_whole_batch_back_once(workspace, project_id, ids, dog):
    bulk(workspace, project_id, [relabel(i, dog) for i in (ids[0], ids[2], ids[3])])

    def undo():
        return [
            result.outcome
            for result in review.undo_batch(
                workspace, project_id, "batch-1", undo_key="undo-1", actor="ann"
            )
        ]

    assert undo() == [SAVED] * 3
    assert undo() == [REPLAYED] * 3
    assert set(statuses(workspace, project_id, ids)) == {ReviewStatus.PENDING}
    assert len(review.ledger(workspace, project_id)) == 6


def test_undo_leaves_what_was_decided_again(workspace, project_id, ids, dog):
    bulk(workspace, project_id, [relabel(ids[0], dog), relabel(ids[2], dog)])
    keep(workspace, project_id, ids[0], 1)
    results = review.undo_batch(workspace, project_id, "batch-1", undo_key="undo-1", actor="ann")
    assert [r.outcome for r in results] == [CONFLICT, SAVED]
    assert "decided again meanwhile" in results[0].message
    assert statuses(workspace, project_id, [ids[0], ids[2]]) == ["kept", "pending"]


def test_redo_decides_again_what_the_undo_took_back(workspace, project_id, ids, dog):
    bulk(workspace, project_id, [relabel(ids[0], dog), relabel(ids[2], dog)])
    review.undo_batch(workspace, project_id, "batch-1", undo_key="undo-1", actor="ann")
    keep(workspace, project_id, ids[2], 2)

    def redo():
        return [
            result.outcome
            for result in review.redo_batch(
                workspace, project_id, "undo-1", redo_key="redo-1", actor="ann"
            )
        ]

    assert redo() == [SAVED, CONFLICT]
    assert redo() == [REPLAYED, CONFLICT]
    assert statuses(workspace, project_id, [ids[0], ids[2]]) == ["relabeled", "kept"]
    review.undo_batch(workspace, project_id, "redo-1", undo_key="undo-2", actor="ann")
    assert statuses(workspace, project_id, [ids[0]]) == ["pending"]


def test_a_batch_that_cannot_be_is_refused_whole(workspace, project_id, ids, dog):
    with pytest.raises(DataError, match="1 to 5000"):
        bulk(workspace, project_id, [])
    with pytest.raises(DataError, match="each sample once"):
        bulk(workspace, project_id, [relabel(ids[0], dog), relabel(ids[0], dog)])
    with pytest.raises(DataError, match="choose a class"):
        bulk(workspace, project_id, [relabel(ids[0], dog), relabel(ids[1], 999)])
    with pytest.raises(NotFoundError, match="no batch"):
        review.undo_batch(workspace, project_id, "batch-1", undo_key="u", actor="ann")
    bulk(workspace, project_id, [relabel(ids[0], dog)])
    with pytest.raises(NotFoundError, match="nothing to redo"):
        review.redo_batch(workspace, project_id, "batch-1", redo_key="r", actor="ann")
    assert len(review.ledger(workspace, project_id)) == 1


def test_a_batch_of_another_project_is_not_found(workspace, project_id, ids, dog, make_project):
    bulk(workspace, project_id, [relabel(ids[0], dog)])
    with pytest.raises(NotFoundError, match="no batch"):
        review.undo_batch(
            workspace, make_project("other"), "batch-1", undo_key="undo-1", actor="ann"
        )


def test_the_selection_of_a_queue_is_all_that_a_bulk_decision_needs(
    workspace, project_id, ids, make_run
):
    run = make_run(project_id)  # every suggestion has probability 0.7
    cat, dog = (info.class_id for info in projects.classes(workspace, project_id)[:2])
    pair = {"kind": QueueKind.PAIR, "given_class_id": cat, "suggested_class_id": dog}
    found = queues.selection(workspace, project_id, run.run_id, QueueFilter(**pair))
    assert [(s.sample_id, s.version, s.suggested_class_id) for s in found] == [
        (ids[0], 0, dog),
        (ids[3], 0, dog),
    ]
    sure = QueueFilter(**pair, confidence=0.8)
    assert queues.selection(workspace, project_id, run.run_id, sure) == []
    with pytest.raises(DataError, match="confidence"):
        QueueFilter(confidence=1.5)
    requests = [relabel(s.sample_id, s.suggested_class_id, s.version) for s in found]
    assert bulk(workspace, project_id, requests) == [SAVED, SAVED]
    assert queues.count(workspace, project_id, run.run_id, QueueFilter(**pair)) == 0
