import pytest

from turn_core.errors import DataError, NotFoundError
from turn_core.services import projects, review, samples
from turn_core.types import Action, DecisionRequest, Outcome, ReviewStatus, SampleState


@pytest.fixture
def project_id(make_project):
    return make_project(num_samples=6)


@pytest.fixture
def class_ids(workspace, project_id):
    return [c.class_id for c in projects.classes(workspace, project_id)]


@pytest.fixture
def first(workspace, project_id):
    """The id of a sample whose given label is class 0."""
    return int(samples.label_snapshot(workspace, project_id).sample_ids[0])


@pytest.fixture
def decide(workspace, project_id):
    def send(sample_id, action, version=0, key="k", class_id=None, actor="ann"):
        request = DecisionRequest(
            sample_id=sample_id, version=version, action=action, idem_key=key, class_id=class_id
        )
        return review.record(workspace, project_id, [request], actor=actor)[0]

    return send


def state_of(workspace, project_id, sample_id):
    sample = samples.get_sample(workspace, project_id, sample_id)
    return sample.status, sample.current_class_id, sample.version


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (Action.KEEP, ReviewStatus.KEPT),
        (Action.EXCLUDE, ReviewStatus.EXCLUDED),
        (Action.NEEDS_REVIEW, ReviewStatus.NEEDS_REVIEW),
        (Action.SKIP, ReviewStatus.SKIPPED),
    ],
)
def test_each_decision_sets_its_status_and_leaves_the_label(
    workspace, project_id, first, class_ids, decide, action, status
):
    result = decide(first, action)
    assert (result.outcome, result.status, result.version) == (Outcome.SAVED, status, 1)
    assert state_of(workspace, project_id, first) == (status, class_ids[0], 1)


def test_relabel_sets_the_chosen_class(workspace, project_id, first, class_ids, decide):
    result = decide(first, Action.RELABEL, class_id=class_ids[2])
    assert result.current_class_id == class_ids[2]
    sample = samples.get_sample(workspace, project_id, first)
    assert (sample.current_class_id, sample.given_class_id) == (class_ids[2], class_ids[0])
    assert projects.get_project(workspace, project_id).label_rev == 1


def test_relabel_to_the_given_class_is_a_keep(workspace, project_id, first, class_ids, decide):
    decide(first, Action.RELABEL, 0, "a", class_ids[1])
    decide(first, Action.RELABEL, 1, "b", class_ids[0])
    assert state_of(workspace, project_id, first) == (ReviewStatus.KEPT, class_ids[0], 2)
    events = samples.history(workspace, project_id, first)
    assert [event.action for event in events] == [Action.RELABEL, Action.KEEP]


def test_keep_after_a_relabel_puts_the_given_label_back(
    workspace, project_id, first, class_ids, decide
):
    decide(first, Action.RELABEL, 0, "a", class_ids[1])
    decide(first, Action.KEEP, 1, "b")
    assert state_of(workspace, project_id, first) == (ReviewStatus.KEPT, class_ids[0], 2)


def test_the_same_key_is_counted_once(workspace, project_id, first, class_ids, decide):
    saved = decide(first, Action.RELABEL, class_id=class_ids[1])
    again = decide(first, Action.RELABEL, class_id=class_ids[1])
    assert again.outcome is Outcome.REPLAYED
    assert (again.version, again.status) == (saved.version, saved.status)
    assert len(samples.history(workspace, project_id, first)) == 1
    assert projects.get_project(workspace, project_id).label_rev == 1


def test_the_same_key_with_another_content_is_a_conflict(
    workspace, project_id, first, class_ids, decide
):
    decide(first, Action.RELABEL, class_id=class_ids[1])
    other = decide(first, Action.RELABEL, class_id=class_ids[2])
    assert (other.outcome, other.current_class_id) == (Outcome.CONFLICT, class_ids[1])
    assert "already used" in other.message


def test_a_decision_on_an_old_version_is_a_conflict_and_shows_the_present_label(
    workspace, project_id, first, class_ids, decide
):
    decide(first, Action.RELABEL, 0, "a", class_ids[1], actor="ann")
    late = decide(first, Action.RELABEL, 0, "b", class_ids[2], actor="bob")
    assert (late.outcome, late.version, late.current_class_id) == (
        Outcome.CONFLICT,
        1,
        class_ids[1],
    )
    assert late.message == (
        "'images/00000.png' was changed meanwhile by ann: it is now 'dog' (relabeled)"
    )
    assert state_of(workspace, project_id, first)[1] == class_ids[1]


def test_undo_goes_back_step_by_step(workspace, project_id, first, class_ids, decide):
    decide(first, Action.RELABEL, 0, "a", class_ids[1])
    decide(first, Action.EXCLUDE, 1, "b")

    def undo(key, version):
        return review.undo(workspace, project_id, first, idem_key=key, version=version, actor="ann")

    assert undo("u1", 2).status is ReviewStatus.RELABELED
    assert state_of(workspace, project_id, first) == (ReviewStatus.RELABELED, class_ids[1], 3)
    assert undo("u1", 2).outcome is Outcome.REPLAYED
    assert undo("u2", 3).status is ReviewStatus.PENDING
    assert state_of(workspace, project_id, first) == (ReviewStatus.PENDING, class_ids[0], 4)
    nothing = undo("u3", 4)
    assert (nothing.outcome, nothing.message) == (
        Outcome.CONFLICT,
        "there is no decision to undo",
    )


def test_a_decision_after_an_undo_is_undone_on_its_own(workspace, project_id, first, decide):
    decide(first, Action.KEEP, 0, "a")
    decide(first, Action.UNDO, 1, "b")
    decide(first, Action.SKIP, 2, "c")
    assert decide(first, Action.UNDO, 3, "d").status is ReviewStatus.PENDING
    assert decide(first, Action.UNDO, 4, "e").outcome is Outcome.CONFLICT


def test_a_batch_is_stored_in_order(workspace, project_id, first, class_ids):
    def request(version, action, key, class_id=None):
        return DecisionRequest(
            sample_id=first, version=version, action=action, idem_key=key, class_id=class_id
        )

    batch = [
        request(0, Action.RELABEL, "a", class_ids[1]),
        request(1, Action.UNDO, "b"),
        request(0, Action.RELABEL, "a", class_ids[1]),
        request(2, Action.EXCLUDE, "c"),
        request(2, Action.KEEP, "d"),
    ]
    outcomes = [r.outcome for r in review.record(workspace, project_id, batch, actor="ann")]
    saved, replayed, conflict = Outcome.SAVED, Outcome.REPLAYED, Outcome.CONFLICT
    assert outcomes == [saved, saved, replayed, saved, conflict]
    assert projects.get_project(workspace, project_id).label_rev == 3
    events = review.ledger(workspace, project_id)
    assert [(e.seq, e.action) for e in events] == [
        (1, Action.RELABEL),
        (2, Action.UNDO),
        (3, Action.EXCLUDE),
    ]
    assert review.ledger(workspace, project_id, after=events[1].event_id) == events[2:]
    assert review.latest_events(workspace, project_id, limit=2) == events[:0:-1]


def test_a_batch_with_a_decision_that_makes_no_sense_stores_nothing(
    workspace, project_id, first, class_ids
):
    good = DecisionRequest(sample_id=first, version=0, action=Action.KEEP, idem_key="a")
    bad = DecisionRequest(sample_id=first + 1, version=0, action=Action.RELABEL, idem_key="b")
    with pytest.raises(DataError, match=r"cannot get class None"):
        review.record(workspace, project_id, [good, bad], actor="ann")
    assert review.ledger(workspace, project_id) == []
    assert state_of(workspace, project_id, first)[2] == 0


def test_a_class_of_another_project_is_refused(workspace, make_project, first, decide):
    other = projects.classes(workspace, make_project("other"))[0].class_id
    with pytest.raises(DataError, match="a class of this project"):
        decide(first, Action.RELABEL, class_id=other)


def test_a_sample_of_another_project_is_not_found(workspace, make_project, decide):
    other = make_project("other")
    sample_id = int(samples.label_snapshot(workspace, other).sample_ids[0])
    with pytest.raises(NotFoundError, match=f"no sample {sample_id}"):
        decide(sample_id, Action.KEEP)


def test_a_sample_without_a_given_label_can_be_labelled_but_not_kept(workspace, make_project):
    states = [SampleState.UNLABELLED, SampleState.OK]
    project_id = make_project("blank", given=[None, 1], states=states)
    labels = samples.label_snapshot(workspace, project_id)
    blank, dog = int(labels.sample_ids[0]), labels.class_ids[1]

    def request(action, **more):
        return [DecisionRequest(sample_id=blank, version=0, action=action, **more)]

    with pytest.raises(DataError, match="no given label to keep"):
        review.record(workspace, project_id, request(Action.KEEP, idem_key="a"), actor="ann")
    relabel = request(Action.RELABEL, class_id=dog, idem_key="b")
    assert review.record(workspace, project_id, relabel, actor="ann")[0].current_class_id == dog


def test_what_the_card_measured_is_in_the_ledger(workspace, project_id, first, make_run):
    run = make_run(project_id)
    request = DecisionRequest(
        sample_id=first,
        version=0,
        action=Action.KEEP,
        idem_key="a",
        run_id=run.run_id,
        seconds_spent=2.5,
        bulk=True,
        queue="random",
    )
    review.record(workspace, project_id, [request], actor="ann")
    (event,) = review.ledger(workspace, project_id)
    assert (event.run_id, event.seconds_spent, event.bulk, event.queue, event.actor) == (
        run.run_id,
        2.5,
        True,
        "random",
        "ann",
    )
