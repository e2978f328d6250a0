"""How far reviewers agree, what their votes say together, and what each of them did.

Only ballots count in which all votes are in, so that the figures tell nobody how others voted on a
card before them. docs/agreement.md gives every figure its formula and its source.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from sqlalchemy.orm import Session

from turn_core import estimates
from turn_core.services.workspace import Workspace
from turn_core.store import events as event_queries
from turn_core.store import projects as project_queries
from turn_core.store import votes as queries
from turn_core.types import Action, LabelEvent
from turn_core.types.voting import Agreement, Consensus, PairAgreement, ReviewerFigures, Vote

Ballots = Mapping[tuple[int, int], tuple[Vote, ...]]
"""Votes that count by (sample, ballot), the first one first."""
Category = Action | int
"""A class, whether it was kept or put; else what was done."""

_NO_DECISION = (Action.UNDO, Action.SKIP)


def agreement(workspace: Workspace, project_id: int) -> Agreement:
    """Return how far reviewers agree, on the cards with at least two votes, all of them in.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        ballots = closed_ballots(session, project_id)
    votes = [ballot for ballot in ballots.values() if len(ballot) > 1]
    number: dict[Category, int] = {}
    items = [(n, _number(vote, number)) for n, ballot in enumerate(votes) for vote in ballot]
    columns = np.array(items, np.int64).reshape(-1, 2)
    overall = estimates.fleiss_kappa(columns[:, 0], columns[:, 1])
    return Agreement(
        num_samples=len({vote.sample_id for ballot in votes for vote in ballot}),
        num_reviewers=len({vote.actor for ballot in votes for vote in ballot}),
        percent=overall.percent,
        fleiss_kappa=overall.kappa,
        pairs=_pairs(votes, number),
    )


def reviewers(workspace: Workspace, project_id: int) -> tuple[ReviewerFigures, ...]:
    """Return what each reviewer did, in the order of their names.

    Raises:
        NotFoundError: there is no such project.
    """
    with workspace.reading() as session:
        project_queries.get_project(session, project_id)
        events = event_queries.own_decisions(session, project_id)
        ballots = closed_ballots(session, project_id)
    done: dict[str, list[LabelEvent | Vote]] = defaultdict(list)
    lines: list[LabelEvent | Vote] = [*events]
    lines += [vote for ballot in ballots.values() for vote in ballot]
    for line in lines:
        if line.action not in _NO_DECISION:
            done[line.actor].append(line)
    together = {key: ballot for key, ballot in ballots.items() if len(ballot) > 1}
    found, right = consensus(together), Counter[tuple[str, bool]]()
    for key, ballot in together.items():
        choice = (found[key].action, found[key].class_id)
        right.update((vote.actor, (vote.action, vote.class_id) == choice) for vote in ballot)
    return tuple(
        _figures(name, done[name], agreed=right[name, True], other=right[name, False])
        for name in sorted(done)
    )


def consensus(ballots: Ballots) -> dict[tuple[int, int], Consensus]:
    """Return what the votes of each ballot say together, by Dawid and Skene's model of them all.

    What the reviewers' habits are follows from these ballots alone.
    """
    if not ballots:
        return {}
    keys, number, people = sorted(ballots), dict[Category, int](), dict[str, int]()
    rows = [
        (place, people.setdefault(vote.actor, len(people)), _number(vote, number))
        for place, key in enumerate(keys)
        for vote in ballots[key]
    ]
    items, persons, categories = np.array(rows, np.int64).T
    found, named = estimates.dawid_skene(items, persons, categories), list(number)
    return {
        key: _consensus(ballots[key], named[int(best)], float(probability))
        for key, best, probability in zip(keys, found.best, found.probability)
    }


def _consensus(ballot: Sequence[Vote], category: Category, probability: float) -> Consensus:
    """Return the consensus in the words of who voted so; a class nobody voted for is put."""
    if isinstance(category, Action):
        return Consensus(category, None, probability)
    words = [vote.action for vote in ballot if vote.class_id == category]
    return Consensus(words[0] if words else Action.RELABEL, category, probability)


def closed_ballots(session: Session, project_id: int) -> Ballots:
    """Return the ballots of a project in which all votes are in; skips do not count."""
    found: dict[tuple[int, int], list[Vote]] = defaultdict(list)
    for vote in queries.votes(session, project_id, [queries.closed()]):
        if vote.counts and vote.action not in _NO_DECISION:
            found[vote.sample_id, vote.ballot].append(vote)
    return {key: tuple(votes) for key, votes in found.items()}


def _number(vote: Vote, known: dict[Category, int]) -> int:
    """Return the number of the category of a vote."""
    category = vote.action if vote.class_id is None else vote.class_id
    return known.setdefault(category, len(known))


def _pairs(
    ballots: Sequence[Sequence[Vote]], number: dict[Category, int]
) -> tuple[PairAgreement, ...]:
    chosen: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for ballot in ballots:
        by_name = sorted(ballot, key=lambda vote: vote.actor)
        for one, other in combinations(by_name, 2):
            both = (_number(one, number), _number(other, number))
            chosen[one.actor, other.actor].append(both)
    pairs = []
    for (first, second), choices in sorted(chosen.items()):
        columns = np.array(choices, np.int64)
        found = estimates.cohen_kappa(columns[:, 0], columns[:, 1])
        percent = 0.0 if found.percent is None else found.percent
        pairs.append(PairAgreement(first, second, len(choices), percent, found.kappa))
    return tuple(pairs)


def _figures(
    name: str, done: Sequence[LabelEvent | Vote], *, agreed: int, other: int
) -> ReviewerFigures:
    timed = [line.seconds_spent for line in done if line.seconds_spent and not line.bulk]
    changed = sum(line.action is Action.RELABEL for line in done)
    return ReviewerFigures(
        name=name,
        decisions=len(done),
        per_hour=3600 * len(timed) / sum(timed) if timed else None,
        seconds_median=float(np.median(timed)) if timed else None,
        changed=estimates.wilson_interval(changed, len(done)),
        with_consensus=estimates.wilson_interval(agreed, agreed + other),
    )
