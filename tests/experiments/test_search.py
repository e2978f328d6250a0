import pickle

import numpy as np
import pytest
import torch

from turn_core.config import ProbeConfig
from turn_core.errors import ConfigError, DataError, JobError
from turn_core.experiments import search as searching
from turn_core.experiments.search import SearchSpace, Trial

BASE = ProbeConfig(epochs=3, min_steps=0)
SMALL = SearchSpace(learning_rates=(1e-1, 1e-5), weight_decays=(1e-4,), batch_sizes=(32,))


@pytest.fixture
def data():
    """Two classes, far apart; a tenth of the labels is wrong."""
    rng = np.random.default_rng(0)
    true = np.arange(300) % 3
    features = rng.standard_normal((300, 6)).astype(np.float32) + 3 * np.eye(3, 6)[true]
    labels = np.where(rng.random(300) < 0.1, (true + 1) % 3, true)
    return searching.hold_out(features.astype(np.float32), labels, 3, seed=0)


def trial(index, accuracy, loss=0.5, problem=""):
    return Trial(index=index, config=BASE, accuracy=accuracy, loss=loss, seconds=0, problem=problem)


def plain(result):
    return [(t.index, t.config, t.accuracy, t.loss, t.problem) for t in result.trials]


def test_space_of_the_paper__has_150_settings():
    configs = SearchSpace().configs(BASE)
    assert len(set(configs)) == len(configs) == 150
    assert {c.q for c in configs} == {BASE.q}
    with pytest.raises(ConfigError, match="without values"):
        SearchSpace(batch_sizes=()).configs(BASE)


def test_best__by_accuracy_then_loss_then_place():
    assert searching.best_of([trial(0, 0.5), trial(1, 0.7)]).index == 1
    assert searching.best_of([trial(0, 0.7, 0.4), trial(1, 0.7, 0.3)]).index == 1
    assert searching.best_of([trial(1, 0.7), trial(0, 0.7)]).index == 0
    assert searching.best_of([trial(0, 0.9, problem="no"), trial(1, 0.1)]).index == 1


def test_search__prefers_the_rate_that_learns(data):
    result = searching.search(data, SMALL.configs(BASE), seed=0)

    assert result.best.config.learning_rate == 0.1
    assert result.best.accuracy > 0.8
    assert [t.index for t in result.trials] == [0, 1, 2, 3]
    worst = max(result.trials, key=lambda t: t.loss)
    assert worst.config.learning_rate == 1e-5


def test_accuracy_and_loss__by_another_way(data):
    found = searching.try_config(data, BASE, index=0, seed=0)
    probe = searching.fit_linear_probe(
        data.features[~data.held_out],
        data.labels[~data.held_out],
        3,
        BASE,
        seed=searching.derive(0, "search", "probe"),
    )
    logits = probe.logits(data.features[data.held_out])
    p = torch.softmax(logits.double(), 1).numpy()
    given = data.labels[data.held_out]
    assert found.accuracy == pytest.approx((p.argmax(1) == given).mean())
    of_given = p[np.arange(len(given)), given]
    assert found.loss == pytest.approx(((1 - of_given**0.7) / 0.7).mean(), rel=1e-5)


def test_result__is_the_same_in_any_order_and_from_a_file(data, tmp_path):
    configs = SMALL.configs(BASE)

    def backwards(attempt, numbered):
        elsewhere = pickle.loads(pickle.dumps(attempt))  # as another process would get it
        return [elsewhere(index, config) for index, config in reversed(numbered)]

    np.save(tmp_path / "features.npy", data.features)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    again = searching.hold_out(mapped, data.labels, 3, seed=0)

    once = searching.search(data, configs, seed=0)
    assert plain(searching.search(data, configs, seed=0, run_all=backwards)) == plain(once)
    assert plain(searching.search(again, configs, seed=0)) == plain(once)
    other = searching.search(data, configs, seed=1)
    assert [t.loss for t in other.trials] != [t.loss for t in once.trials]


def test_trials_of_an_earlier_attempt__are_not_run_again(data):
    configs = SMALL.configs(BASE)
    once = searching.search(data, configs, seed=0)
    heard = []
    again = searching.search(
        data, configs, seed=0, done=once.trials[1:3], on_trial=lambda t: heard.append(t.index)
    )
    assert heard == [0, 3]
    assert plain(again) == plain(once)


def test_trials_elsewhere__are_stopped_where_the_caller_stops(data):
    closed = []

    def elsewhere(attempt, numbered):
        try:
            for index, config in numbered:
                yield attempt(index, config)
        finally:
            closed.append(True)

    def stop(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searching.search(data, SMALL.configs(BASE), seed=0, run_all=elsewhere, on_trial=stop)
    assert closed == [True]


def test_held_out_samples__are_a_fifth_of_each_class_and_change_nothing(data):
    share = [data.held_out[data.labels == k].mean() for k in range(3)]
    assert all(0.15 < value < 0.25 for value in share)
    before = searching.try_config(data, BASE, index=0, seed=0)
    data.features[data.held_out] += 100  # would move the head, were they trained on
    data.features[data.held_out] -= 100
    shifted = searching.try_config(data, BASE, index=0, seed=0)
    assert shifted.accuracy == before.accuracy


def test_setting_that_diverges__is_told_and_the_others_go_on(data):
    wild = ProbeConfig(epochs=30, min_steps=0, learning_rate=100, weight_decay=10, loss="ce")
    result = searching.search(data, [wild, BASE], seed=0)

    assert "lower probe.learning_rate" in result.trials[0].problem
    assert result.best.index == 1
    with pytest.raises(JobError, match="no setting could be trained"):
        searching.search(data, [wild], seed=0)


def test_caller__hears_of_each_trial_and_may_stop(data):
    heard = []

    def stop(trial):
        heard.append(trial.index)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searching.search(data, SMALL.configs(BASE), seed=0, on_trial=stop)
    assert heard == [0]


def test_data_that_cannot_be_searched__are_refused(data):
    with pytest.raises(DataError, match="give more samples"):
        searching.hold_out(data.features[:4], np.arange(4), 4, seed=0)
    with pytest.raises(DataError, match="one label for each"):
        searching.hold_out(data.features, data.labels[:-1], 3, seed=0)
    with pytest.raises(ConfigError, match="no setting"):
        searching.search(data, [], seed=0)
