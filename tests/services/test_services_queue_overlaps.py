"""How many vote on a card: what the strictest queue asks for in which it was voted on."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from votes_bench import Bench

from turn_core.errors import DataError, PermissionDeniedError
from turn_core.services import audits, members, projects, queues, review, samples, votes
from turn_core.store import votes as vote_queries
from turn_core.store.review_tables import StandingVote
from turn_core.types import Action, Outcome, QueueFilter, QueueKind, ReviewSettings
from turn_core.types.reviewing import UNDECIDED, Claimant, Role, VoteOutcome

NEAR_TAU = QueueFilter(kind=QueueKind.NEAR_TAU, low=0.0, high=1.0)
NUMBERS = {QueueKind.WORST_FIRST: 1, QueueKind.NEAR_TAU: 3, QueueKind.DUPLICATES: 2}
STEPS, SEED = 20, 1
PEOPLE = ("ann", "ben", "eve", "finn")


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
    """One reviewer in worst first, three near tau, two among duplicates."""
    classes = {info.name: info.class_id for info in projects.classes(workspace, project_id)}
    found = Bench(workspace, project_id, classes)
    found.settings(queue_overlaps=NUMBERS)
    return found


def take(workspace, run, who, queue=queues.WORST_FIRST, **more):
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, queue, claimant=Claimant(who), **more
    )
    return [card.sample.sample_id for card in found]


def actors(workspace, bench):
    return [event.actor for event in review.ledger(workspace, bench.project_id)]


def test_each_queue_asks_for_its_own_number(workspace, bench, ids):
    assert bench.vote("ann", ids[0], "dog", queue="worst_first").vote is None
    for who, told in (("ann", "waiting"), ("ben", "waiting"), ("eve", "agreed")):
        assert bench.vote(who, ids[1], "owl", queue="near_tau").vote == told
    assert bench.vote("ann", ids[2], "cat", queue="elsewhere").vote is None  # the project's number
    assert actors(workspace, bench) == ["ann", "agreement of ann, ben, eve", "ann"]
    found = audits.get_settings(workspace, bench.project_id)
    assert (found.overlap, dict(found.queue_overlaps)) == (1, NUMBERS)


def test_the_strictest_queue_in_which_it_was_voted_on_counts(bench, ids):
    assert bench.vote("ann", ids[0], "dog", queue="duplicates").vote is VoteOutcome.WAITING
    assert bench.vote("ben", ids[0], "dog", queue="near_tau").vote is VoteOutcome.WAITING  # 2 of 3
    assert bench.vote("eve", ids[0], "dog", queue="worst_first").vote is VoteOutcome.AGREED
    bench.vote("ann", ids[1], "cat", queue="duplicates")
    told = bench.vote("ben", ids[1], "owl", queue="worst_first")  # a vote, for ann's was one
    assert told.vote is VoteOutcome.DISPUTED


def test_who_voted_gets_the_card_in_no_queue(workspace, bench, run, ids):
    bench.vote("ann", ids[0], "dog", queue="near_tau")
    for queue in (QueueFilter(), NEAR_TAU):
        assert sorted(take(workspace, run, "ann", queue)) == ids[1:]
    assert take(workspace, run, "ben", limit=1) == ids[:1]
    left = queues.count(workspace, run.project_id, run.run_id, QueueFilter(), reader="ann")
    assert left == 5


def test_a_card_that_one_may_decide_alone_is_before_nobody_else(workspace, bench, run, ids):
    assert take(workspace, run, "ann", limit=2) == ids[:2]  # one reviewer is enough
    near = take(workspace, run, "ben", NEAR_TAU, limit=9)
    assert sorted(near) == ids[2:]
    assert take(workspace, run, "eve") == []  # they are open where three are to vote
    assert take(workspace, run, "eve", NEAR_TAU, limit=9) == near


def test_a_card_with_votes_has_room_for_as_many_as_they_ask_for(workspace, bench, run, ids):
    bench.vote("ann", ids[0], "dog", queue="near_tau")
    assert take(workspace, run, "ben", limit=1) == ids[:1]  # in worst first, yet a vote
    assert take(workspace, run, "eve", limit=1) == ids[:1]
    assert take(workspace, run, "finn", limit=1) == ids[1:2]  # three have it or voted
    for who, told in (("ben", "waiting"), ("eve", "agreed")):
        assert bench.vote(who, ids[0], "dog").vote == told


def test_cards_of_the_audit_in_worst_first_have_the_number_of_the_audit(workspace, bench, run):
    bench.settings(audit_share=0.5, queue_overlaps={QueueKind.AUDIT: 2})
    found = queues.next_candidates(
        workspace, run.project_id, run.run_id, claimant=Claimant("ann"), limit=4
    )
    drawn = [card.sample.sample_id for card in found if card.queue == "audit"]
    assert 0 < len(drawn) < 4
    shared = set(take(workspace, run, "ben", QueueFilter(kind=QueueKind.AUDIT), limit=9))
    assert shared & {card.sample.sample_id for card in found} == set(drawn)
    for card in found:
        told = bench.vote("ann", card.sample.sample_id, "keep", queue=card.queue)
        assert told.vote == ("waiting" if card.queue == "audit" else None)


def test_other_numbers_count_the_votes_that_are_there(workspace, bench, ids):
    for who in ("ann", "ben"):
        bench.vote(who, ids[0], "dog", queue="near_tau")
    bench.vote("ann", ids[1], "cat", queue="near_tau")
    bench.vote("ben", ids[1], "owl", queue="near_tau")
    bench.vote("ann", ids[2], "dog", queue="duplicates")
    bench.settings(queue_overlaps={**NUMBERS, QueueKind.NEAR_TAU: 2})
    assert actors(workspace, bench) == ["agreement of ann, ben"]
    assert votes.conflicts(workspace, bench.project_id).total == 1
    bench.settings(queue_overlaps={QueueKind.DUPLICATES: 4})
    assert bench.vote("ben", ids[2], "dog").vote is VoteOutcome.WAITING  # 2 of 4
    assert votes.conflicts(workspace, bench.project_id).total == 1  # it stays
    bench.settings(overlap=2)  # and no numbers of their own
    assert actors(workspace, bench) == ["agreement of ann, ben"] * 2


def test_a_vote_that_is_taken_back_takes_the_number_of_its_queue_along(workspace, bench, ids):
    bench.vote("ann", ids[0], "owl", queue="near_tau")
    assert bench.vote("ben", ids[0], "dog", queue="worst_first").vote is VoteOutcome.WAITING
    back = bench.vote("ann", ids[0], "undo")
    assert (back.outcome, back.vote) == (Outcome.SAVED, VoteOutcome.AGREED)
    assert bench.label(ids[0]) == ("dog", "relabeled")  # as if ben had met the card alone
    assert bench.vote("ben", ids[0], "undo").outcome is Outcome.SAVED
    assert bench.label(ids[0]) == ("cat", "pending")
    assert bench.vote("eve", ids[0], "keep").vote is None


def test_who_leaves_an_agreement_leaves_the_others_in_conflict_if_they_are_enough(
    workspace, bench, ids
):
    bench.vote("ann", ids[0], "dog", queue="near_tau")
    for who in ("ben", "eve"):
        bench.vote(who, ids[0], "dog", queue="worst_first")
    bench.vote("ann", ids[0], "undo")
    (conflict,) = votes.conflicts(workspace, bench.project_id).conflicts
    assert [vote.actor for vote in conflict.votes] == ["ben", "eve"]


def test_a_decision_of_ones_own_replaces_the_vote_and_its_queue(workspace, bench, ids):
    bench.vote("ann", ids[0], "owl", queue="near_tau")
    assert bench.vote("ann", ids[0], "dog", queue="worst_first").vote is None
    assert actors(workspace, bench) == ["ann"]
    bench.vote("ann", ids[0], "undo")
    (vote,) = votes.votes_of(workspace, bench.project_id, ids[0], reader="ann")
    assert (vote.counts, vote.is_open) == (True, True)  # the vote of before stands again


def test_a_skip_is_personal_where_several_vote_and_for_all_where_one_decides(
    workspace, bench, run, ids
):
    bench.vote("ann", ids[0], "skip", queue="near_tau")
    assert take(workspace, run, "ann") == [*ids[1:], ids[0]]
    assert take(workspace, run, "ben", limit=1) == []  # all are before ann, who may decide alone
    bench.vote("ann", ids[1], "skip", queue="worst_first")
    assert bench.label(ids[1]) == ("dog", "skipped")


def test_blind_votes_stay_hidden_in_a_queue_for_one(workspace, bench, ids):
    bench.settings(queue_overlaps={QueueKind.NEAR_TAU: 2}, blind=True)
    bench.vote("ann", ids[0], "dog", queue="near_tau")
    assert votes.votes_of(workspace, bench.project_id, ids[0], reader="ben") == ()
    bench.vote("ben", ids[0], "owl", queue="worst_first")
    seen = votes.votes_of(workspace, bench.project_id, ids[0], reader="eve")
    assert [vote.actor for vote in seen] == ["ann", "ben"]
    assert "final" in bench.vote("ann", ids[0], "undo").message
    bench.vote("ann", ids[1], "owl", queue="worst_first")
    assert bench.vote("ann", ids[1], "undo").outcome is Outcome.SAVED  # one's own alone


def test_only_an_owner_gets_cards_that_reviewers_disagree_on(workspace, bench, run):
    members.set_member(workspace, "olga", Role.OWNER, actor="olga")
    members.set_member(workspace, "ann", Role.REVIEWER, actor="olga")
    conflicts = QueueFilter(kind=QueueKind.DISAGREEMENT)
    with pytest.raises(PermissionDeniedError, match="owner"):
        take(workspace, run, "ann", conflicts)
    assert take(workspace, run, "olga", conflicts) == []


def test_a_batch_votes_where_others_voted_and_decides_the_rest(workspace, bench, ids):
    bench.vote("ben", ids[0], "dog", queue="duplicates")
    requests = [bench.request(sample_id, "dog") for sample_id in ids[:2]]
    done = review.record_bulk(workspace, bench.project_id, requests, actor="ann", batch_key="b 1")
    assert [told.vote for told in done] == [VoteOutcome.AGREED, None]
    review.undo_batch(workspace, bench.project_id, "b 1", undo_key="b 2", actor="ann")
    assert [bench.label(i)[1] for i in ids[:2]] == ["pending", "pending"]
    again = review.redo_batch(workspace, bench.project_id, "b 2", redo_key="b 3", actor="ann")
    assert {told.sample_id: told.vote for told in again} == {
        ids[0]: VoteOutcome.AGREED,
        ids[1]: None,
    }


@pytest.mark.parametrize("first", ["near_tau", None])
def test_two_who_decide_at_once_both_count_or_one_is_told(workspace, bench, ids, first):
    if first:
        bench.vote("eve", ids[0], "dog", queue=first)
    start = threading.Barrier(2)
    requests = {who: bench.request(ids[0], "dog", queue="worst_first") for who in ("ann", "ben")}

    def decide(who):
        start.wait()
        return review.record(workspace, bench.project_id, [requests[who]], actor=who)[0]

    with ThreadPoolExecutor(2) as pool:
        told = sorted(str(result.outcome) for result in pool.map(decide, requests))
    assert told == (["saved", "saved"] if first else ["conflict", "saved"])
    assert bench.label(ids[0]) == ("dog", "relabeled")
    assert len(review.ledger(workspace, bench.project_id)) == 1


@pytest.mark.parametrize(
    ("numbers", "said"),
    [({QueueKind.TAG: 10}, "1 to 9"), ({QueueKind.DISAGREEMENT: 2}, "got 'disagreement'")],
)
def test_numbers_that_cannot_be_are_refused(numbers, said):
    with pytest.raises(DataError, match=said):
        ReviewSettings(queue_overlaps=numbers)


def test_whatever_happens_no_card_waits_with_all_its_votes(workspace, bench, run, ids):
    draw = random.Random(SEED)
    kinds = [*NUMBERS, QueueKind.AUDIT]
    for _ in range(STEPS):
        if draw.random() < 0.1:
            numbers = {kind: draw.randint(1, 3) for kind in draw.sample(kinds, 2)}
            bench.settings(overlap=draw.randint(1, 3), queue_overlaps=numbers)
        who, kind = draw.choice(PEOPLE), draw.choice(kinds)
        queue = QueueFilter(kind=kind) if kind is not QueueKind.NEAR_TAU else NEAR_TAU
        given = take(workspace, run, who, queue, limit=2)
        assert not set(given) & voted_on(workspace, bench, who)
        what = draw.choice(["cat", "cat", "dog", "skip", "undo"])
        if what == "undo":
            bench.vote(who, draw.choice(ids), "undo", queue=kind.value)
        elif given:  # handed out, so there was room for it
            assert bench.vote(who, given[0], what, queue=kind.value).outcome is Outcome.SAVED
        hold_against_the_rule(workspace, bench, ids)


def voted_on(workspace, bench, who):
    with workspace.reading() as session:
        query = select(StandingVote.sample_id).where(
            StandingVote.project_id == bench.project_id,
            StandingVote.reviewer == who,
            ~StandingVote.abstains,
        )
        return set(session.execute(query).scalars())


def hold_against_the_rule(workspace, bench, ids):
    """The rule, from the listed votes alone: open cards have fewer votes than they need."""
    settings = audits.get_settings(workspace, bench.project_id)
    counting = {}
    for vote in votes.list_votes(workspace, bench.project_id, reader="ann"):
        if vote.counts and vote.action is not Action.SKIP:
            counting.setdefault((vote.sample_id, vote.ballot), []).append(vote)
    with workspace.reading() as session:
        disputed = set(vote_queries.conflict_ids(session, bench.project_id))
    opened = {key: ballot for key, ballot in counting.items() if ballot[0].is_open}
    for (sample_id, _), ballot in opened.items():
        assert sample_id not in disputed
        if bench.sample(sample_id).status in UNDECIDED:
            numbers = [settings.queue_overlaps.get(v.queue, settings.overlap) for v in ballot]
            assert len(ballot) < max(numbers)
    expected = {(sample_id, vote.actor) for (sample_id, _), b in opened.items() for vote in b}
    told = {(i, who) for who in PEOPLE for i in voted_on(workspace, bench, who)}
    assert {pair for pair in told if pair[0] not in disputed} == expected
