"""Cached features of changed copies: the same for the same plan, each view its own."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from training_toys import ArrayPixels, coloured_squares, make_backbone

from turn_core import augment
from turn_core.backbones.precision import FP32
from turn_core.errors import ConfigError
from turn_core.features import extract_features
from turn_core.views import ChangedPixels, ViewPlan, extract_views


def _images(size=24):
    return 255 * torch.rand(size, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_strengthen__same_seed_same_images_in_range_and_global_generator_untouched():
    before, images = torch.random.get_rng_state(), _images()
    first, again = augment.strengthen(images, seed=3), augment.strengthen(images, seed=3)
    assert torch.equal(first, again)
    assert not torch.equal(first, augment.strengthen(images, seed=4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(images, _images())
    assert 0 <= first.min() <= first.max() <= 255


@pytest.mark.parametrize("operation", augment.OPERATIONS, ids=lambda f: f.__name__)
def test_strengthen__every_operation_changes_its_image_alone(operation):
    images = 55 + _images(2) / 2
    strength = torch.tensor([0.7, -0.4]).view(2, 1, 1, 1)
    both = operation(images, strength)
    alone = operation(images[1:], strength[1:])
    torch.testing.assert_close(both[1:], alone)
    assert not torch.allclose(both[0], images[0], atol=1)


def test_operations__by_hand():
    image = torch.tensor([[10.0, 20.0], [100.0, 250.0]]).expand(1, 3, 2, 2)
    one = torch.ones(1, 1, 1, 1)
    named = {operation.__name__: operation for operation in augment.OPERATIONS}
    assert named["_solarize"](image, 0.2 * one)[0, 0].tolist() == [[10, 20], [100, 5]]
    assert named["_posterize"](image, one)[0, 0].tolist() == [[0, 16], [96, 240]]
    assert_allclose(named["_auto_contrast"](image, one)[0, 0, 0], [0, 2550 / 240], rtol=1e-6)
    assert_allclose(named["_brightness"](image, -one)[0, 0, 0], [1, 2], rtol=1e-4)


def test_changed_pixels__are_the_same_whenever_a_batch_is_read():
    images, _, _ = coloured_squares(12)
    weak, strong = (
        ChangedPixels(ArrayPixels(images), "affine", strong=strong, seed=5)
        for strong in (False, True)
    )
    rows = np.arange(4, 8)
    assert torch.equal(weak.batch(rows), weak.batch(rows))
    assert weak.batch(rows).dtype == torch.uint8
    assert not torch.equal(weak.batch(rows), ArrayPixels(images).batch(rows))
    assert not torch.equal(weak.batch(rows), strong.batch(rows))
    assert len(weak) == 12


def test_extract_views__gives_each_view_once_and_reads_it_afterwards(tmp_path):
    images, _, _ = coloured_squares(12)
    backbone, plan, seen = make_backbone(), ViewPlan(num_weak=2, num_strong=1, seed=7), []

    def extract(batch_size=4):
        return extract_views(
            backbone,
            ArrayPixels(images),
            plan,
            pixels_key="squares",
            folder=tmp_path,
            batch_size=batch_size,
            precision=FP32,
            on_progress=lambda done, total: seen.append((done, total)),
        )

    views = extract()
    assert [len(views.weak), len(views.strong)] == [2, 1]
    assert seen[0] == (0, 36)
    assert seen[-1] == (36, 36)
    every = [np.array(view) for view in (*views.weak, *views.strong)]
    plain = extract_features(
        backbone, ArrayPixels(images), path=tmp_path / "f.npy", batch_size=4, precision=FP32
    )
    for number, view in enumerate(every):
        assert view.shape == (12, 16)
        assert all(not np.allclose(view, other) for other in [plain, *every[:number]])
    seen.clear()
    assert np.array_equal(extract().weak[1], every[1])
    assert seen == []
    assert not np.array_equal(extract(batch_size=6).weak[1], every[1])


@pytest.mark.parametrize(
    "wrong", [{"augmentation": "none"}, {"num_weak": -1}, {"num_strong": 101}, {"seed": -1}]
)
def test_plan__has_ranges(wrong):
    with pytest.raises(ConfigError, match=r"views\."):
        ViewPlan(**wrong)
