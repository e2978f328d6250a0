import pytest
import torch
from torch.testing import assert_close

from turn_core import augment
from turn_core.augment import augment as change


def _images(size: int = 8) -> torch.Tensor:
    return 255 * torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["affine", "crop"])
def test_same_seed_same_images_and_global_generator_untouched(kind):
    before = torch.random.get_rng_state()
    first, again = change(_images(), kind, seed=3), change(_images(), kind, seed=3)
    assert torch.equal(first, again)
    assert not torch.equal(first, change(_images(), kind, seed=4))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", ["affine", "crop"])
def test_stays_in_range_and_changes_each_image_in_its_own_way(kind):
    same = _images()[:1].expand(4, -1, -1, -1)
    out = change(same, kind, seed=0)
    assert out.min() >= 0
    assert out.max() <= 255
    assert len({image.sum().item() for image in out}) == 4


def test_none_returns_the_images():
    images = _images()
    assert change(images, "none", seed=0) is images


def test_flip_alone_mirrors_about_half_of_the_images(monkeypatch):
    monkeypatch.setattr(augment, "DEGREES", 0.0)
    monkeypatch.setattr(augment, "TRANSLATE", 0.0)
    monkeypatch.setattr(augment, "SCALE", (1.0, 1.0))
    images = torch.rand(200, 3, 4, 4)
    out = change(images, "affine", seed=1)
    kept = (out - images).abs().flatten(1).amax(1) < 1e-3
    assert 70 < int(kept.sum()) < 130
    assert_close(out[~kept], images[~kept].flip(3), atol=1e-5, rtol=0)


def test_full_crop_without_jitter_is_the_image_or_its_mirror(monkeypatch):
    monkeypatch.setattr(augment, "CROP_AREA", (1.0, 1.0))
    monkeypatch.setattr(augment, "CROP_RATIO", (1.0, 1.0))
    monkeypatch.setattr(augment, "JITTER", 0.0)
    images = _images()
    for image, out in zip(images, change(images, "crop", seed=0), strict=True):
        assert min((out - image).abs().max(), (out - image.flip(2)).abs().max()) < 1e-3


def test_jitter_keeps_grey_images_grey():
    grey = torch.full((2, 3, 4, 4), 100.0)
    out = change(grey, "crop", seed=0)
    assert_close(out[:, 0], out[:, 1])
    assert not torch.equal(out[0], out[1])
