"""Several reviewers per card: votes, agreement, conflicts, and how they are settled."""

import pytest
from votes_bench import Bench

from turn_core.errors import DataError, PermissionDeniedError
from turn_core.services import audits, members, projects, queues, review, samples, votes
from turn_core.types import Outcome, QueueFilter, QueueKind, ReviewSettings
from turn_core.types.reviewing import Claimant, Role, VoteOutcome

DISAGREEMENT = QueueFilter(kind=QueueKind.DISAGREEMENT)


@pytest.fixture
def project_id(make_project):
    """Six samples: cat, dog, owl, cat, dog, owl."""
    return make_project(num_samples=6)


@pytest.fixture
def run(project_id, make_run):
    return make_run(project_id)


@pytest.fixture
def ids(workspace, project_id):
    return samples.label_snapshot(workspace, project_id).sample_ids.tolist()


@pytest.fixture
def bench(workspace, project_id):
    classes = {info.name: info.class_id for info in projects.classes(workspace, project_id)}
    found = Bench(workspace, project_id, classes)
    found.settings(overlap=2)
    return found


def take(workspace, run, who, queue=queues.WORST_FIRST, **more):
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, queue, claimant=Claimant(who), **more
    )
    return [card.sample.sample_id for card in found]


def test_a_first_vote_changes_no_label_and_a_second_equal_one_does(workspace, bench, ids):
    first = bench.vote("ann", ids[0], "dog", seconds_spent=2.0)
    assert (first.outcome, first.vote) == (Outcome.SAVED, VoteOutcome.WAITING)
    assert (first.status, first.current_class_id) == ("relabeled", bench.classes["dog"])
    assert bench.label(ids[0]) == ("cat", "pending")
    assert review.ledger(workspace, bench.project_id) == []

    second = bench.vote("ben", ids[0], "dog", seconds_spent=3.0)
    assert (second.vote, second.version) == (VoteOutcome.AGREED, 1)
    assert bench.label(ids[0]) == ("dog", "relabeled")
    (event,) = review.ledger(workspace, bench.project_id)
    assert (event.actor, event.seconds_spent) == ("agreement of ann, ben", 5.0)
    assert projects.get_project(workspace, bench.project_id).label_rev == 1


@pytest.mark.parametrize("what", ["cat", "keep", "exclude", "needs_review"])
def test_whatever_reviewers_agree_on_becomes_the_decision(bench, ids, what):
    for who in ("ann", "ben"):
        told = bench.vote(who, ids[0], what)
    expected = {"cat": "kept", "keep": "kept", "exclude": "excluded"}.get(what, what)
    assert bench.label(ids[0]) == ("cat", expected)
    assert (told.status, told.version) == (expected, 1)


def test_votes_that_differ_are_a_conflict_which_only_its_queue_holds(workspace, bench, run, ids):
    bench.vote("ann", ids[0], "dog")
    assert bench.vote("ben", ids[0], "owl").vote is VoteOutcome.DISPUTED
    assert bench.label(ids[0]) == ("cat", "pending")
    assert take(workspace, run, "eve") == ids[1:]
    assert take(workspace, run, "eve", DISAGREEMENT) == [ids[0]]
    counts = queues.queue_counts(workspace, run.project_id, run.run_id)
    assert (counts.disagreement, counts.total.undecided, counts.by_status["pending"]) == (1, 5, 6)
    refused = bench.vote("eve", ids[0], "dog")
    assert refused.outcome is Outcome.CONFLICT
    assert "disagree" in refused.message


def test_a_third_vote_decides_nothing_by_majority(bench, ids):
    bench.settings(overlap=3)
    for who, what in (("ann", "dog"), ("ben", "dog"), ("eve", "owl")):
        told = bench.vote(who, ids[0], what)
    assert told.vote is VoteOutcome.DISPUTED
    assert bench.label(ids[0]) == ("cat", "pending")


def test_an_owner_settles_a_conflict_and_may_take_it_back(workspace, bench, ids):
    bench.vote("ann", ids[0], "dog")
    bench.vote("ben", ids[0], "owl")
    request = bench.request(ids[0], "owl")
    done = votes.adjudicate(workspace, bench.project_id, request, actor="olga")
    assert (done.outcome, done.vote) == (Outcome.SAVED, None)
    assert bench.label(ids[0]) == ("owl", "relabeled")
    (event,) = review.ledger(workspace, bench.project_id)
    assert (event.actor, event.queue) == ("olga", "adjudication")
    assert votes.conflicts(workspace, bench.project_id).total == 0

    bench.vote("olga", ids[0], "undo")
    assert bench.label(ids[0]) == ("cat", "pending")
    assert votes.conflicts(workspace, bench.project_id).total == 1
    late = votes.adjudicate(workspace, bench.project_id, bench.request(ids[1], "dog"), actor="olga")
    assert late.outcome is Outcome.CONFLICT
    with pytest.raises(DataError, match="undo settles no conflict"):
        votes.adjudicate(workspace, bench.project_id, bench.request(ids[0], "undo"), actor="olga")


def test_settling_takes_an_owner(workspace, bench, ids):
    members.set_member(workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(workspace, "ann", Role.REVIEWER, actor="olga")
    members.set_member(workspace, "ben", Role.REVIEWER, actor="olga")
    bench.vote("ann", ids[0], "dog")
    bench.vote("ben", ids[0], "owl")
    for queue in ("disagreement", "adjudication"):
        with pytest.raises(PermissionDeniedError, match="owner"):
            bench.vote("ann", ids[0], "owl", queue=queue)
    assert bench.vote("olga", ids[0], "owl", queue="disagreement").outcome is Outcome.SAVED
    assert "only an owner" in bench.vote("ann", ids[0], "undo").message
    skipped = bench.vote("olga", ids[1], "skip", queue="disagreement")
    assert skipped.outcome is Outcome.CONFLICT


def test_a_vote_is_changed_and_taken_back_step_by_step(workspace, bench, ids):
    bench.vote("ann", ids[0], "dog")
    changed = bench.vote("ann", ids[0], "owl")
    assert (changed.vote, changed.current_class_id) == (VoteOutcome.WAITING, bench.classes["owl"])
    back = bench.vote("ann", ids[0], "undo")
    assert back.current_class_id == bench.classes["dog"]
    gone = bench.vote("ann", ids[0], "undo")
    assert (gone.status, gone.current_class_id) == ("pending", bench.classes["cat"])
    assert bench.vote("ann", ids[0], "undo").message == "there is no decision to undo"
    told = votes.votes_of(workspace, bench.project_id, ids[0], reader="ann")
    assert [vote.action.value for vote in told] == ["relabel", "relabel", "undo", "undo"]
    assert not any(vote.counts for vote in told)


def test_a_vote_that_is_changed_ends_a_conflict(bench, ids):
    bench.vote("ann", ids[0], "dog")
    bench.vote("ben", ids[0], "owl")
    assert bench.vote("ann", ids[0], "owl").vote is VoteOutcome.AGREED
    assert bench.label(ids[0]) == ("owl", "relabeled")


def test_who_voted_takes_an_agreement_back_and_others_but_an_owner_do_not(workspace, bench, ids):
    members.set_member(workspace, "olga", Role.OWNER, actor="olga")
    for who in ("ann", "ben", "eve"):
        members.set_member(workspace, who, Role.REVIEWER, actor="olga")
        bench.vote(who, ids[0], "dog") if who != "eve" else None
    assert "one of those who agreed" in bench.vote("eve", ids[0], "undo").message
    assert bench.vote("ben", ids[0], "undo").outcome is Outcome.SAVED
    assert bench.label(ids[0]) == ("cat", "pending")
    assert bench.vote("eve", ids[0], "dog").vote is VoteOutcome.AGREED  # ann's vote stood

    assert bench.vote("olga", ids[0], "undo").outcome is Outcome.SAVED
    assert (
        votes.conflicts(workspace, bench.project_id).total == 1
    )  # they agreed, the owner does not


def test_a_vote_against_what_was_settled_contests_it(workspace, bench, ids):
    for who in ("ann", "ben"):
        bench.vote(who, ids[0], "dog")
    assert bench.vote("eve", ids[0], "dog").vote is VoteOutcome.WAITING
    assert bench.vote("eve", ids[0], "cat").vote is VoteOutcome.DISPUTED
    assert bench.label(ids[0]) == ("dog", "relabeled")
    (conflict,) = votes.conflicts(workspace, bench.project_id).conflicts
    assert [vote.actor for vote in conflict.votes] == ["eve"]


def test_cards_go_to_as_many_reviewers_as_vote_and_to_none_twice(workspace, bench, run, ids):
    assert take(workspace, run, "ann", limit=3) == ids[:3]
    assert take(workspace, run, "ben", limit=4) == ids[:4]
    assert take(workspace, run, "eve", limit=9) == ids[3:]  # the first three are with two
    bench.vote("ann", ids[0], "dog")
    assert take(workspace, run, "ann", limit=2) == ids[1:3]  # never again what one voted on
    assert take(workspace, run, "eve", limit=9) == ids[3:]  # ben still has it
    counted = queues.count(workspace, run.project_id, run.run_id, QueueFilter(), reader="ann")
    assert counted == 5
    chosen = queues.selection(workspace, run.project_id, run.run_id, QueueFilter(), reader="ann")
    assert [sample.sample_id for sample in chosen] == ids[1:]


def test_a_skip_is_no_vote_and_comes_back_to_its_reviewer_last(workspace, bench, run, ids):
    assert bench.vote("ann", ids[0], "skip").status == "skipped"
    assert take(workspace, run, "ann") == [*ids[1:], ids[0]]
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, claimant=Claimant("ann"), limit=9
    )
    assert [card.sample.status.value for card in found] == [*["pending"] * 5, "skipped"]
    assert take(workspace, run, "ben") == ids
    for who in ("ben", "eve"):
        told = bench.vote(who, ids[0], "dog")
    assert told.vote is VoteOutcome.AGREED


def test_a_decision_sent_twice_is_one_vote(workspace, bench, ids):
    request = bench.request(ids[0], "dog")
    results = [
        review.record(workspace, bench.project_id, [request], actor="ann")[0] for _ in range(2)
    ]
    assert [result.outcome for result in results] == [Outcome.SAVED, Outcome.REPLAYED]
    assert results[0].vote is results[1].vote is VoteOutcome.WAITING
    assert len(votes.list_votes(workspace, bench.project_id, reader="ann")) == 1
    last = bench.request(ids[0], "dog")
    settled = [review.record(workspace, bench.project_id, [last], actor="ben")[0] for _ in "12"]
    assert [(told.version, told.vote) for told in settled] == [(1, VoteOutcome.AGREED)] * 2


def test_a_batch_is_a_batch_of_votes_undone_and_redone_as_one(workspace, bench, ids):
    bench.vote("ben", ids[0], "dog")
    requests = [bench.request(sample_id, "dog") for sample_id in ids[:3]]
    done = review.record_bulk(
        workspace, bench.project_id, requests, actor="ann", batch_key="batch 1"
    )
    assert [told.vote.value for told in done] == ["agreed", "waiting", "waiting"]
    undone = review.undo_batch(
        workspace, bench.project_id, "batch 1", undo_key="batch 2", actor="ann"
    )
    assert [told.status.value for told in undone] == ["pending"] * 3
    assert bench.label(ids[0]) == ("cat", "pending")
    again = review.redo_batch(
        workspace, bench.project_id, "batch 2", redo_key="batch 3", actor="ann"
    )
    assert [told.vote.value for told in again] == ["agreed", "waiting", "waiting"]
    others = review.undo_batch(
        workspace, bench.project_id, "batch 3", undo_key="batch 4", actor="eve"
    )
    assert {told.outcome for told in others} == {Outcome.CONFLICT}


def test_a_smaller_overlap_counts_the_votes_that_are_there(workspace, bench, ids):
    bench.settings(overlap=3)
    for who, what in (("ann", "dog"), ("ben", "dog")):
        bench.vote(who, ids[0], what)
    bench.vote("ann", ids[1], "cat")
    bench.vote("ben", ids[1], "owl")
    bench.vote("ann", ids[2], "dog")
    bench.settings(overlap=2)
    assert bench.label(ids[0]) == ("dog", "relabeled")
    assert votes.conflicts(workspace, bench.project_id).conflicts[0].sample.sample_id == ids[1]
    bench.settings(overlap=1)
    assert bench.label(ids[2]) == ("dog", "relabeled")
    actors = [event.actor for event in review.ledger(workspace, bench.project_id)]
    assert actors == ["agreement of ann, ben", "agreement of ann"]
    assert projects.get_project(workspace, bench.project_id).label_rev == 2
    assert bench.vote("ann", ids[1], "dog").outcome is Outcome.CONFLICT  # still in conflict
    assert bench.vote("ann", ids[3], "dog").vote is None
    assert bench.label(ids[3]) == ("dog", "relabeled")


def test_a_card_of_the_audit_that_is_agreed_on_counts_for_the_audit(workspace, bench, ids):
    for who in ("ann", "ben"):
        bench.vote(who, ids[0], "dog", queue="audit" if who == "ann" else "worst_first")
    assert review.ledger(workspace, bench.project_id)[0].queue == "audit"


def test_settings_that_cannot_be_are_refused(workspace, bench):
    with pytest.raises(DataError, match="1 to 9"):
        ReviewSettings(overlap=10)
    assert audits.get_settings(workspace, bench.project_id).overlap == 2


# --- blind mode ----------------------------------------------------------------------------------


def seen_by(workspace, bench, reader, sample_id):
    of_card = votes.votes_of(workspace, bench.project_id, sample_id, reader=reader)
    everywhere = votes.list_votes(workspace, bench.project_id, reader=reader)
    assert [vote for vote in everywhere if vote.sample_id == sample_id] == list(of_card)
    return [vote.actor for vote in of_card]


def test_blind_reviewers_see_no_votes_of_others_before_all_are_in(workspace, bench, ids):
    bench.settings(overlap=2, blind=True)
    bench.vote("ann", ids[0], "dog")
    assert seen_by(workspace, bench, "ann", ids[0]) == ["ann"]
    assert seen_by(workspace, bench, "ben", ids[0]) == []
    bench.vote("ben", ids[0], "owl")
    assert seen_by(workspace, bench, "ben", ids[0]) == ["ann", "ben"]
    assert seen_by(workspace, bench, "eve", ids[0]) == ["ann", "ben"]


@pytest.mark.parametrize("what", ["dog", "owl"])
def test_blind_votes_are_final_once_all_are_in(bench, ids, what):
    bench.settings(overlap=2, blind=True)
    bench.vote("ann", ids[0], "dog")
    assert bench.vote("ann", ids[0], "undo").outcome is Outcome.SAVED
    bench.vote("ann", ids[0], "dog")
    bench.vote("ben", ids[0], what)
    for who in ("ann", "ben"):
        refused = bench.vote(who, ids[0], "undo")
        assert (refused.outcome, "final" in refused.message) == (Outcome.CONFLICT, True)


def test_without_blind_mode_everybody_sees_every_vote(workspace, bench, ids):
    bench.vote("ann", ids[0], "dog")
    assert seen_by(workspace, bench, "ben", ids[0]) == ["ann"]
