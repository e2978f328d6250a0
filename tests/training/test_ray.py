"""Search, features and fine-tuning by Ray come to what one process comes to."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from torch.testing import assert_close
from training_toys import ArrayPixels, coloured_squares, make_backbone, make_classifier

from turn_core.backbones.precision import FP32
from turn_core.config import FinetuneConfig, ProbeConfig
from turn_core.errors import JobError, ResourceError
from turn_core.experiments import ray_features, ray_finetune, ray_link, ray_search
from turn_core.experiments import search as searching
from turn_core.experiments.search import SearchSpace
from turn_core.features import extract_features
from turn_core.methods import run_fft
from turn_core.methods.baseline import ImageData
from turn_core.methods.configs import CeConfig
from turn_core.predictions import PixelRows

pytestmark = [
    pytest.mark.skipif(not ray_link.installed(), reason="install the extra `ray` to run this test"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("cluster", "one_thread"),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]
SPACE = SearchSpace(learning_rates=(1e-1, 1e-5), weight_decays=(1e-4,), batch_sizes=(32,))
CONFIGS = SPACE.configs(ProbeConfig(epochs=3, min_steps=0))
FINETUNE = FinetuneConfig(epochs=2, batch_size=16, micro_batch_size=8, learning_rate=0.005)


@pytest.fixture(scope="module")
def cluster():
    """Ray with two processes, which find the toys of these tests."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), before])
    with ray_link.connected(num_cpus=2):
        yield
    os.environ["PYTHONPATH"] = before


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    true = np.arange(300) % 3
    features = (rng.standard_normal((300, 6)) + 3 * np.eye(3, 6)[true]).astype(np.float32)
    labels = np.where(rng.random(300) < 0.1, (true + 1) % 3, true)
    return searching.hold_out(features, labels, 3, seed=0)


def plain(result):
    return [(t.index, t.config, t.accuracy, t.loss, t.problem) for t in result.trials]


def test_search_comes_to_the_same_trials_and_the_same_winner(data):
    here = searching.search(data, CONFIGS, seed=0)
    heard = []
    there = searching.search(
        data, CONFIGS, seed=0, run_all=ray_search.runner(), on_trial=lambda t: heard.append(t.index)
    )
    assert plain(there) == plain(here)
    assert there.best.config == here.best.config
    assert sorted(heard) == [0, 1, 2, 3]


def test_search_that_the_caller_stops_ends_soon(data):
    def stop(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        searching.search(data, CONFIGS, seed=0, run_all=ray_search.runner(), on_trial=stop)


def test_trial_that_breaks_ends_the_search_with_one_sentence():
    def broken(index, config):
        raise ValueError("broken data")

    with pytest.raises(JobError, match="Ray could not run the trials"):
        list(ray_search.runner()(broken, list(enumerate(CONFIGS))[:1]))


def test_features_are_the_same_bit_for_bit(tmp_path):
    backbone, pixels = make_backbone(), ArrayPixels(coloured_squares(100)[0])
    options = {"batch_size": 2, "precision": FP32}
    here = extract_features(backbone, pixels, path=tmp_path / "here.npy", **options)
    told = []
    there = ray_features.extract_features(
        backbone, pixels, path=tmp_path / "there.npy", **options,
        on_progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert_array_equal(there, here)
    assert (told[0], told[-1]) == ((0, 100), (100, 100))
    assert_array_equal(np.load(tmp_path / "there.npy"), here)


def image_data():
    images, given, true = coloured_squares(60, noise=0.2)
    train, test = np.arange(45), np.arange(45, 60)
    return ImageData(
        pixels=PixelRows(ArrayPixels(images), train),
        labels=given[train],
        test_pixels=PixelRows(ArrayPixels(images), test),
        test_labels=true[test],
    )


def test_two_processes_fine_tune_one_model():
    alone, shared = make_classifier(), make_classifier()
    options = {"seed": 2, "precision": FP32}
    here = run_fft(image_data(), alone, CeConfig(), FINETUNE, **options)
    told = []
    there = ray_finetune.run_fft(
        image_data(), shared, CeConfig(), FINETUNE, **options, num_workers=2,
        on_epoch=lambda number, accuracy: told.append(number),
    )  # fmt: skip
    assert there.curve == here.curve
    assert told == [1, 2]
    assert_allclose(there.pred_probs, here.pred_probs, atol=1e-4)
    for first, second in zip(alone.parameters(), shared.parameters(), strict=True):
        assert_close(first, second, atol=1e-5, rtol=1e-4)


def test_what_cannot_be_shared_is_refused():
    options = {"seed": 2, "precision": FP32}
    with pytest.raises(ResourceError, match="9 processes need a CPU each, the cluster has 2 free"):
        ray_finetune.run_fft(
            image_data(), make_classifier(), CeConfig(), FINETUNE, **options, num_workers=9
        )
    wild = FinetuneConfig(
        epochs=30, batch_size=16, micro_batch_size=8, learning_rate=10.0, optimizer="sgd"
    )
    with pytest.raises(JobError, match="fine-tuning diverged in epoch"):
        ray_finetune.run_fft(
            image_data(), make_classifier(), CeConfig(), wild, **options, num_workers=2
        )
