import numpy as np

from turn_core.holdout import stratified_holdout


def _hold(labels, *, keys=None, candidates=None, fraction=0.2, seed=0):
    labels = np.asarray(labels)
    keys = [f"image {i}" for i in range(len(labels))] if keys is None else keys
    allowed = np.ones(len(labels), bool) if candidates is None else candidates
    return stratified_holdout(labels, keys, allowed, fraction=fraction, seed=seed)


def test_every_class_gives_its_share():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    assert np.bincount(labels[_hold(labels)]).tolist() == [20, 10, 2]


def test_same_seed_same_split_and_other_seed_another():
    labels = np.arange(100) % 2
    assert np.array_equal(_hold(labels, seed=1), _hold(labels, seed=1))
    assert not np.array_equal(_hold(labels, seed=1), _hold(labels, seed=2))


def test_class_with_fewer_than_five_is_never_held_out():
    labels = np.repeat([0, 1], [50, 4])
    assert not _hold(labels, fraction=0.5)[labels == 1].any()


def test_small_shares_are_fair_on_average():
    labels = np.repeat(np.arange(200), 5)  # a twentieth of five is a quarter of a sample
    assert 30 <= _hold(labels, fraction=0.05).sum() <= 70


def test_a_few_relabelled_samples_hardly_move_the_split():
    labels = np.arange(400) % 4
    other = labels.copy()
    other[:8] = 0
    assert (_hold(labels) != _hold(other)).sum() <= 12


def test_copies_share_their_fate_whatever_their_labels():
    labels = np.arange(60) % 3
    keys = [f"image {i // 2}" for i in range(60)]
    held = _hold(labels, keys=keys).reshape(-1, 2)
    assert held.any()
    assert np.array_equal(held[:, 0], held[:, 1])


def test_sample_that_may_not_be_held_out_keeps_its_copies_in_training():
    labels = np.arange(40) % 2
    keys = [f"image {i // 2}" for i in range(40)]
    candidates = np.arange(40) % 4 != 0
    held = _hold(labels, keys=keys, candidates=candidates, fraction=0.5)
    assert held.any()
    assert not held[~candidates].any()
    assert not held[np.flatnonzero(~candidates) + 1].any()


def test_nothing_held_out_at_zero():
    assert not _hold(np.arange(40) % 2, fraction=0.0).any()
