import numpy as np
from numpy.testing import assert_allclose

from turn_core.methods.final import combine, fill_excluded


def test_final_loss_is_the_mean_of_step_one_and_the_final_model():
    assert combine(np.array([[1.0, 4.0], [9.0, 9.0], [3.0, 0.0]])).tolist() == [2, 2]
    assert combine(np.array([[1.0, 4.0]])).tolist() == [1, 4]


def test_excluded_sample_gets_what_its_loss_would_get_in_its_class():
    losses = np.array([0.0, 1.0, 0.25, 5.0, 0.5, 0.0], np.float32)
    labels = np.array([0, 0, 0, 0, 1, 1])
    excluded = np.array([False, False, True, True, False, True])
    clean = fill_excluded(
        np.array([0.9, 0.1, 0.3]), losses, labels, excluded=excluded, trusted=np.zeros(6, bool)
    )
    assert_allclose(clean, [0.9, 0.1, 0.7, 0.1, 0.3, 0.3], rtol=1e-6)


def test_trusted_samples_say_nothing_of_the_others():
    losses = np.array([0.0, 4.0, 3.9], np.float32)
    excluded = np.array([False, False, True])
    trusted = np.array([False, True, False])
    labels = np.zeros(3, np.int64)
    clean = fill_excluded(np.array([0.5, 1.0]), losses, labels, excluded=excluded, trusted=trusted)
    assert_allclose(clean, [0.5, 1, 0.5])
