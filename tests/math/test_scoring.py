import cleanlab.rank
import numpy as np

from turn_core import scoring

PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
LABELS = np.array([0, 1])


def test_scores__by_hand():
    np.testing.assert_allclose(scoring.self_confidence(PROBS, LABELS), [0.7, 0.3])
    np.testing.assert_allclose(scoring.normalized_margin(PROBS, LABELS), [0.5, -0.3])
    assert PROBS[0, 0] == 0.7  # the input is left alone


def test_scores__are_those_of_cleanlab():
    rng = np.random.default_rng(0)
    probs, labels = rng.dirichlet(np.ones(5), 200), rng.integers(0, 5, 200)
    np.testing.assert_allclose(
        scoring.self_confidence(probs, labels),
        cleanlab.rank.get_self_confidence_for_each_label(labels, probs),
    )
    np.testing.assert_allclose(
        (scoring.normalized_margin(probs, labels) + 1) / 2,
        cleanlab.rank.get_normalized_margin_for_each_label(labels, probs),
    )


def test_rank_order__is_worst_first_then_by_loss_then_by_index():
    clean = np.array([0.9, 0.2, 0.5, 0.5, 0.5])
    losses = np.array([0.1, 1.0, 2.0, 3.0, 2.0])
    assert scoring.rank_order(clean, losses).tolist() == [1, 3, 2, 4, 0]


def test_rank_order__lets_the_loss_decide_where_the_posterior_saturates():
    clean = np.array([1e-9, 1e-5, 0.5, 0.995, 0.999])
    losses = np.array([4.0, 6.0, 2.0, 0.1, 0.3])
    assert scoring.rank_order(clean, losses).tolist() == [1, 0, 2, 4, 3]


def test_rank_order__puts_an_unknown_loss_last_among_equals():
    losses = np.array([np.nan, 0.1, np.inf])
    assert scoring.rank_order(np.full(3, 0.5), losses).tolist() == [1, 0, 2]
