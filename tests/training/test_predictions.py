import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from training_toys import ArrayPixels, coloured_squares, make_backbone, make_classifier

from turn_core.backbones.precision import BF16, FP32
from turn_core.features import extract_features, features_key
from turn_core.linear_probe import LinearProbe
from turn_core.predictions import predict_from_features, predict_from_pixels, read_ahead


def test_predictions_by_hand():
    probe = LinearProbe(torch.log(torch.tensor([[0.7], [0.2], [0.1]])), torch.zeros(3))
    found = predict_from_features(probe, np.ones((2, 1), np.float32), np.array([0, 2]))
    assert_allclose(found.loss, -np.log([0.7, 0.1]), rtol=1e-5)
    assert_allclose(found.given_probability, [0.7, 0.1], rtol=1e-5)
    assert found.top_class.tolist() == [[0, 1, 2]] * 2
    assert_allclose(found.top_probability[0], [0.7, 0.2, 0.1], rtol=1e-5)


def test_full_model_and_probe_on_its_features_agree(tmp_path):
    images, labels, _ = coloured_squares(21)
    model = make_classifier()
    pixels = ArrayPixels(images)
    features = extract_features(
        model.backbone, pixels, path=tmp_path / "f.npy", batch_size=8, precision=FP32
    )
    probe = LinearProbe(model.head.weight.detach(), model.head.bias.detach())
    cached = predict_from_features(probe, features, labels)
    seen = []
    direct = predict_from_pixels(
        model,
        pixels,
        labels,
        batch_size=5,
        precision=FP32,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert_allclose(direct.loss, cached.loss, atol=1e-5)
    assert np.array_equal(direct.top_class, cached.top_class)
    assert seen == [(0, 21), (5, 21), (10, 21), (15, 21), (20, 21), (21, 21)]


def test_top_five_of_many_classes():
    probe = LinearProbe(torch.zeros(9, 1), torch.arange(9.0))
    found = predict_from_features(probe, np.zeros((1, 1), np.float32), np.array([0]))
    assert found.top_class.tolist() == [[8, 7, 6, 5, 4]]


def test_interrupted_extraction_goes_on_bit_for_bit_and_a_done_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("turn_core.features.MARK_BATCHES", 1)
    images, _, _ = coloured_squares(30)
    backbone, pixels = make_backbone(), ArrayPixels(images)

    def extract(name, on_progress=lambda done, total: None):
        return extract_features(
            backbone,
            pixels,
            path=tmp_path / name,
            batch_size=8,
            precision=BF16,
            on_progress=on_progress,
        )

    def stop(done, total):
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract("a.npy", stop)
    seen = []
    resumed = extract("a.npy", lambda done, total: seen.append(done))
    assert seen == [16, 24, 30]
    assert np.array_equal(resumed, extract("b.npy"))
    assert resumed.dtype == np.float32
    seen.clear()
    extract("a.npy", lambda done, total: seen.append(done))
    assert seen == []


def test_key_of_features_follows_weights_pixels_and_precision():
    first, other = make_backbone(seed=0), make_backbone(seed=1)
    keys = [
        features_key(first, "p", FP32),
        features_key(other, "p", FP32),
        features_key(first, "q", FP32),
        features_key(first, "p", BF16),
    ]
    assert len(set(keys)) == 4
    assert features_key(make_backbone(seed=0), "p", FP32) == keys[0]


def test_reading_ahead_keeps_the_order_and_passes_errors_on():
    class Source(ArrayPixels):
        def batch(self, rows):
            if 4 in rows:
                raise OSError("disk")
            return super().batch(rows)

    images, _, _ = coloured_squares(6)
    source = Source(images)
    first, second = read_ahead(source, [np.array([3, 1]), np.array([0])])
    assert np.array_equal(first, images[[3, 1]])
    assert np.array_equal(second, images[[0]])
    with pytest.raises(OSError, match="disk"):
        list(read_ahead(source, [np.array([0]), np.array([4])]))
