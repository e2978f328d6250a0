"""Every family on a tiny random model of its own: load, features, head, round trip."""

import pytest
import torch
from families_zoo import CONFIGS, FEATURE_DIM, save_tiny
from torch import nn
from torch.testing import assert_close
from transformers import AutoModelForImageClassification

from turn_core.backbones.classifier import Classifier, load_classifier, save_classifier
from turn_core.backbones.families import FAMILIES
from turn_core.backbones.loading import load_backbone
from turn_core.errors import BackboneError

IMAGES = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.manual_seed(1))
HAS_CLASS = [name for name in CONFIGS if FAMILIES[name].classifier is not None]


@pytest.fixture(params=sorted(CONFIGS))
def family(request):
    return request.param


@pytest.fixture
def backbone(family, tmp_path):
    return load_backbone(str(save_tiny(family, tmp_path / "body")), allow_hub=False)


def with_head(backbone, classes=4):
    torch.manual_seed(2)
    return Classifier(backbone, nn.Linear(backbone.feature_dim, classes)).eval()


def test_features__shape_and_difference_between_images(family, backbone):
    with torch.no_grad():
        features = backbone(backbone.normalise(IMAGES))
    assert features.shape == (3, FEATURE_DIM[family]) == (3, backbone.feature_dim)
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    assert (features[0] - features[1]).abs().max() > 1e-3


def test_features__same_every_time_and_alone_or_in_a_batch(backbone):
    pixels = backbone.normalise(IMAGES)
    with torch.no_grad():
        first, again = backbone(pixels), backbone(pixels)
        alone = backbone(pixels[:1])
    assert torch.equal(first, again)
    assert_close(alone, first[:1], atol=1e-4, rtol=1e-4)


def test_spec__says_the_width_that_comes(backbone):
    assert backbone.spec.feature_dim == backbone.feature_dim
    assert backbone.spec.input_px == 32


def test_classifier__round_trip_gives_the_same_logits(backbone, tmp_path):
    classifier = with_head(backbone)
    pixels = backbone.normalise(IMAGES)
    save_classifier(tmp_path / "out", classifier, ["cat", "dog", "007", "NA"])
    loaded, names = load_classifier(tmp_path / "out")
    assert names == ["cat", "dog", "007", "NA"]
    with torch.no_grad():
        assert_close(loaded(pixels), classifier(pixels), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("family", HAS_CLASS, indirect=True)
def test_classifier__opens_in_transformers_with_the_same_logits(backbone, tmp_path):
    classifier = with_head(backbone)
    pixels = backbone.normalise(IMAGES)
    save_classifier(tmp_path / "out", classifier, ["cat", "dog", "007", "NA"])
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "out").eval()
    assert model.config.id2label == {0: "cat", 1: "dog", 2: "007", 3: "NA"}
    with torch.no_grad():
        assert_close(model(pixels).logits, classifier(pixels), atol=1e-5, rtol=1e-5)


def test_training__every_weight_gets_a_gradient(family, backbone):
    classifier = with_head(backbone).train()
    nn.functional.cross_entropy(
        classifier(backbone.normalise(IMAGES)), torch.tensor([0, 1, 2])
    ).backward()
    idle = {n for n, p in classifier.named_parameters() if p.requires_grad and p.grad is None}
    assert {name.split(".")[-1] for name in idle} <= {"mask_token"}


def test_classifier__under_autocast_the_logits_are_float32(tmp_path):
    backbone = load_backbone(str(save_tiny("convnext", tmp_path)), allow_hub=False)
    classifier, pixels = with_head(backbone), backbone.normalise(IMAGES)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        features, logits = classifier.features(pixels), classifier(pixels)
    assert (features.dtype, logits.dtype) == (torch.float32, torch.float32)
    assert_close(logits, classifier.head(features).detach())


def test_classifier__a_head_of_another_width_is_refused(tmp_path):
    backbone = load_backbone(str(save_tiny("convnext", tmp_path)), allow_hub=False)
    with pytest.raises(BackboneError, match=r"head takes 5 features, .* gives 16"):
        Classifier(backbone, nn.Linear(5, 2))
    with pytest.raises(BackboneError, match="4 classes, 1 names"):
        save_classifier(tmp_path / "out", with_head(backbone), ["one"])


def test_load_classifier__a_body_without_head_is_refused(tmp_path):
    save_tiny("clip_vision_model", tmp_path)
    with pytest.raises(BackboneError, match=r"no head\.safetensors"):
        load_classifier(tmp_path)


def test_mae__sees_every_patch_in_train_mode_too(tmp_path):
    backbone = load_backbone(str(save_tiny("vit_mae", tmp_path)), allow_hub=False)
    pixels = backbone.normalise(IMAGES[:1])
    changed = pixels.clone()
    changed[..., -8:, -8:] += 1  # the last patch only
    backbone.train()
    with torch.no_grad():
        assert torch.equal(backbone(pixels), backbone(pixels))
        assert (backbone(pixels) - backbone(changed)).abs().max() > 1e-4


def test_mae__encoder_equals_transformers_without_mask(tmp_path):
    from transformers import ViTMAEModel

    backbone = load_backbone(str(save_tiny("vit_mae", tmp_path)), allow_hub=False)
    pixels = backbone.normalise(IMAGES)
    mae = ViTMAEModel.from_pretrained(tmp_path, mask_ratio=0.0).eval()
    with torch.no_grad():
        states = mae(pixels, noise=torch.arange(16.0).expand(3, 16)).last_hidden_state
        assert_close(backbone(pixels), states[:, 0])


def test_clip__tower_is_found_in_a_full_clip_checkpoint(tmp_path):
    import transformers as t

    vision = CONFIGS["clip_vision_model"]().to_dict()
    text = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 50}
    torch.manual_seed(0)
    full = t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    full.eval().save_pretrained(tmp_path)
    backbone = load_backbone(str(tmp_path), allow_hub=False)
    pixels = backbone.normalise(IMAGES)
    with torch.no_grad():
        expected = full.vision_model(pixels).pooler_output
        assert_close(backbone(pixels), expected)
    save_classifier(tmp_path / "out", with_head(backbone, 2), ["a", "b"])
    assert load_classifier(tmp_path / "out")[1] == ["a", "b"]


def test_normalise__by_hand(tmp_path):
    backbone = load_backbone(str(save_tiny("vit", tmp_path)), allow_hub=False)
    white = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    assert_close(backbone.normalise(white).flatten(), expected)
