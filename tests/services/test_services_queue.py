import numpy as np
import pytest

from turn_core.errors import NotFoundError
from turn_core.services import projects, review, samples
from turn_core.types import Action, DecisionRequest, QueueFilter, ReviewStatus

PENDING = ReviewStatus.PENDING


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


def send(workspace, project_id, sample_id, action, version=0, class_id=None):
    request = DecisionRequest(
        sample_id=sample_id,
        version=version,
        action=action,
        idem_key=f"{sample_id}-{version}",
        class_id=class_id,
    )
    return review.record(workspace, project_id, [request], actor="ann")[0]


def queue(workspace, run, **more):
    found = review.next_candidates(workspace, run.project_id, run.run_id, **more)
    return [candidate.sample.sample_id for candidate in found]


def test_the_queue_is_ordered_by_rank(workspace, project_id, make_run):
    ids = samples.label_snapshot(workspace, project_id).sample_ids
    run = make_run(project_id, clean=[0.9, 0.1, 0.5, 0.3, 0.8, 0.2])
    assert queue(workspace, run) == ids[[1, 5, 3, 2, 4, 0]].tolist()
    assert queue(workspace, run, limit=2, after=int(ids[5])) == ids[[3, 2]].tolist()


def test_decided_samples_leave_the_queue_and_skipped_ones_go_to_its_end(
    workspace, project_id, make_run
):
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    run = make_run(project_id)
    send(workspace, project_id, ids[0], Action.SKIP)
    send(workspace, project_id, ids[1], Action.KEEP)
    send(workspace, project_id, ids[2], Action.NEEDS_REVIEW)
    assert queue(workspace, run) == [ids[3], ids[4], ids[5], ids[0]]
    assert queue(workspace, run, queue=QueueFilter(statuses=(PENDING,))) == ids[3:]
    assert queue(workspace, run, limit=3) == ids[3:]


def test_the_queue_of_one_class(workspace, project_id, make_run):
    ids = samples.label_snapshot(workspace, project_id).sample_ids
    run = make_run(project_id)
    dog = projects.classes(workspace, project_id)[1].class_id
    assert queue(workspace, run, queue=QueueFilter(class_id=dog)) == ids[[1, 4]].tolist()


def test_a_candidate_carries_all_that_the_card_shows(workspace, project_id, make_run):
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    cat, dog, owl = (c.class_id for c in projects.classes(workspace, project_id))
    run = make_run(project_id, clean=[0.25, 0.4, 0.5, 0.6, 0.7, 0.8], num_neighbours=2)
    send(workspace, project_id, ids[1], Action.RELABEL, class_id=owl)
    card = review.next_candidates(workspace, project_id, run.run_id, limit=1)[0]
    assert (card.sample.sample_id, card.rank, card.clean_probability) == (ids[0], 0, 0.25)
    assert card.sample.clean_probability == 0.25
    assert (card.suggested_class_id, card.suggested_probability) == (dog, 0.7)
    assert [t.class_id for t in card.top] == [dog, owl, cat]
    assert [round(t.probability, 6) for t in card.top] == [0.7, 0.2, 0.1]
    near = [(n.sample_id, n.current_class_id) for n in card.neighbours]
    assert near == [(ids[1], owl), (ids[2], owl)]  # the first one's label was corrected
    assert card.clean_history == (0.25, 0.25)
    assert card.loss == pytest.approx(3.75)


def test_candidates_by_ids_keep_the_order_and_show_decided_ones(workspace, project_id, make_run):
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    run = make_run(project_id)
    send(workspace, project_id, ids[4], Action.KEEP)
    found = review.candidates_by_ids(workspace, project_id, run.run_id, [ids[4], 999, ids[0]])
    assert [(c.sample.sample_id, c.sample.status) for c in found] == [
        (ids[4], ReviewStatus.KEPT),
        (ids[0], ReviewStatus.PENDING),
    ]


def test_progress_counts_issues_at_tau(workspace, project_id, make_run):
    ids = samples.label_snapshot(workspace, project_id).sample_ids.tolist()
    run = make_run(project_id, clean=[0.1, 0.6, 0.61, 0.7, 0.8, 0.9])  # tau is 0.6
    send(workspace, project_id, ids[0], Action.KEEP)
    progress = review.progress(workspace, project_id, run.run_id)
    assert (progress.pending, progress.decided) == (5, 1)
    assert (progress.num_issues, progress.num_issues_pending) == (2, 1)
    assert progress.by_status[ReviewStatus.KEPT] == 1


def test_a_run_of_another_project_is_not_found(workspace, project_id, make_project, make_run):
    run = make_run(project_id)
    with pytest.raises(NotFoundError, match="has no run"):
        review.next_candidates(workspace, make_project("other"), run.run_id)


def test_an_array_file_that_is_gone_is_named(workspace, project_id, make_run):
    run = make_run(project_id)
    workspace.files.scores(run.run_id).unlink()
    with pytest.raises(NotFoundError, match=r"scores\.safetensors is gone"):
        review.next_candidates(workspace, project_id, run.run_id)


def test_neighbours_that_are_missing_are_left_out(workspace, project_id, make_run):
    run = make_run(project_id)
    from turn_core.store.arrays import array_names, load_array, save_arrays

    path = workspace.files.scores(run.run_id)
    arrays = {name: np.array(load_array(path, name)) for name in array_names(path)}
    arrays["neighbour_ids"][:, 1:] = -1
    save_arrays(path, arrays)
    cards = review.next_candidates(workspace, project_id, run.run_id)
    assert {len(card.neighbours) for card in cards} == {1}
