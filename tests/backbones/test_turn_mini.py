"""The embedded backbone as it is shipped."""

import json

import torch

from turn_core.backbones.loading import load_backbone
from turn_core.backbones.registry import REGISTRY, TURN_MINI_FOLDER, describe_folder


def test_size__at_most_8_mb_and_4_million_weights():
    assert (TURN_MINI_FOLDER / "model.safetensors").stat().st_size <= 8 * 2**20
    backbone = load_backbone("turn-mini", allow_hub=False)
    count = sum(weights.numel() for weights in backbone.parameters())
    assert count == backbone.spec.parameters <= 4_000_000


def test_features__finite_for_any_size_and_different_for_different_images():
    backbone = load_backbone("turn-mini", allow_hub=False)
    generator = torch.manual_seed(0)
    for side in (32, 64, backbone.spec.input_px, 128):
        images = torch.randint(0, 256, (2, 3, side, side), dtype=torch.uint8, generator=generator)
        images[1] //= 4
        with torch.no_grad():
            features = backbone(backbone.normalise(images))
        assert features.shape == (2, 256)
        assert torch.isfinite(features).all()
        assert torch.cosine_similarity(features[0], features[1], dim=0) < 0.99


def test_entry__agrees_with_the_folder():
    entry, folder = REGISTRY["turn-mini"], describe_folder(TURN_MINI_FOLDER)
    for field in ("family", "input_px", "resize_px", "interpolation", "mean", "std", "pooling"):
        assert getattr(entry, field) == getattr(folder, field)
    assert entry.feature_dim == folder.feature_dim


def test_folder__holds_the_body_only_and_says_where_it_comes_from():
    config = json.loads((TURN_MINI_FOLDER / "config.json").read_text())
    assert config["architectures"] == ["ConvNextModel"]
    card = (TURN_MINI_FOLDER / "README.md").read_text()
    assert all(word in card for word in ("Tiny-ImageNet", "DeiT-Tiny", "seed", "research"))
