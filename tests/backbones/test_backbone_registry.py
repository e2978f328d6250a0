"""The registry: what it says, what it refuses, and what happens without a hub."""

import json
import re
import subprocess
import sys

import pytest
from families_zoo import save_tiny

from turn_core.backbones import hub, registry
from turn_core.backbones.loading import load_backbone
from turn_core.errors import BackboneError
from turn_core.presets import PRESETS


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_import__needs_neither_torch_nor_transformers():
    code = (
        "import sys; from turn_core.backbones.registry import available_backbones as a; a();"
        "sys.exit(bool({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_entries__names_are_unique_presets_exist_and_commits_are_whole():
    for name, spec in registry.REGISTRY.items():
        assert name == spec.name
        assert spec.preset in PRESETS
        assert spec.revision is None or re.fullmatch("[0-9a-f]{40}", spec.revision)
        assert spec.hub_id is None or spec.revision or "NAME@COMMIT" in spec.note


def test_find__by_name_hub_id_and_commit():
    assert registry.find("vit-b16").hub_id == "google/vit-base-patch16-224"
    assert registry.find("facebook/convnext-tiny-224").name == "convnext-t"
    assert registry.find("convnext-t@" + "a" * 40).revision == "a" * 40


@pytest.mark.parametrize("name", ["convnext-t@main", "turn-mini@" + "a" * 40])
def test_find__refuses_a_pin_that_is_not_a_commit_of_the_hub(name):
    with pytest.raises(BackboneError, match="cannot be pinned"):
        registry.find(name)


def test_find__an_unknown_name_lists_the_known_ones():
    with pytest.raises(BackboneError, match=r"no backbone 'vgg'.*turn-mini, vit-b16"):
        registry.find("vgg")


def test_available__the_embedded_backbone_is_first_and_here(monkeypatch, tmp_path):
    first = registry.available_backbones()[0]
    assert (first.spec.name, first.state, first.is_here) == ("turn-mini", "embedded", True)


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({"size": 224}, (224, None)),
        ({"size": {"height": 224, "width": 224}}, (224, None)),
        ({"size": {"shortest_edge": 224}, "do_center_crop": True, "crop_size": 224}, (224, 224)),
        ({"size": 256, "do_center_crop": True, "crop_size": {"height": 224}}, (224, 256)),
        ({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224}, (224, 256)),
        (
            {
                "image_processor_type": "ConvNextImageProcessor",
                "size": {"shortest_edge": 96},
                "crop_pct": 1.0,
            },
            (96, 96),
        ),
        ({"image_processor_type": "ConvNextImageProcessor", "size": 384}, (384, None)),
        ({}, (32, None)),
    ],
)
def test_folder__geometry_as_the_processor_states_it(tmp_path, processor, expected):
    folder = save_tiny("vit", tmp_path)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    spec = registry.describe_folder(folder)
    assert (spec.input_px, spec.resize_px) == expected


def test_folder__without_processor_the_assumption_is_said(tmp_path):
    folder = save_tiny("convnext", tmp_path)
    (folder / "preprocessor_config.json").unlink()
    spec = registry.describe_folder(folder)
    assert "assumed" in spec.note
    assert spec.mean == registry.IMAGENET[0]


def test_folder__code_of_its_own_is_refused(tmp_path):
    edit_config(save_tiny("vit", tmp_path), auto_map={"AutoModel": "evil.Model"})
    with pytest.raises(BackboneError, match="auto_map"):
        load_backbone(str(tmp_path), allow_hub=True)


def test_folder__unknown_family_lists_the_known(tmp_path):
    edit_config(save_tiny("vit", tmp_path), model_type="bert")
    with pytest.raises(BackboneError, match=r"family 'bert'; supported are .*convnext.*vit"):
        load_backbone(str(tmp_path), allow_hub=True)


def test_folder__pickled_weights_are_refused(tmp_path):
    save_tiny("vit", tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(BackboneError, match="pickled"):
        load_backbone(str(tmp_path), allow_hub=True)


def test_folder__damaged_weights_are_refused(tmp_path):
    weights = save_tiny("vit", tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(BackboneError, match="could not be read"):
        load_backbone(str(tmp_path), allow_hub=True)


def test_folder__missing_weights_are_refused_not_drawn_at_random(tmp_path):
    edit_config(save_tiny("vit", tmp_path), num_hidden_layers=3)
    with pytest.raises(BackboneError, match=r"lacks .* weights"):
        load_backbone(str(tmp_path), allow_hub=True)


def test_folder__nonsense_in_the_processor_is_one_sentence(tmp_path):
    (save_tiny("vit", tmp_path) / "preprocessor_config.json").write_text('{"size": "large"}')
    with pytest.raises(BackboneError, match="are not understood"):
        registry.describe_folder(tmp_path)


def test_folder__without_config_is_refused(tmp_path):
    with pytest.raises(BackboneError, match=r"no readable config\.json"):
        load_backbone(str(tmp_path), allow_hub=True)


@pytest.fixture
def empty_hub(monkeypatch, tmp_path):
    """An empty local cache and a hub address where nobody listens."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize("name", ["vit-b16", "convnext-t"])
def test_hub__unreachable_says_what_is_here(empty_hub, name):
    with pytest.raises(BackboneError, match=r"hub was not reached .*available here: turn-mini"):
        load_backbone(name, allow_hub=True)


def test_hub__not_asked_when_switched_off(empty_hub):
    with pytest.raises(BackboneError, match=r"ViT-B/16 is not on this machine.*switched off"):
        load_backbone("vit-b16", allow_hub=False)


def test_hub__a_cached_snapshot_loads_without_network(monkeypatch, tmp_path):
    folder = save_tiny("vit", tmp_path / ("c" * 40))
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(folder))
    backbone = load_backbone("vit-b16", allow_hub=False)
    assert backbone.spec.revision == "c" * 40
    assert backbone.spec.mean == (0.5, 0.5, 0.5)
    assert backbone.feature_dim == 16


def test_hub__a_repository_without_safetensors_is_refused(empty_hub, monkeypatch):
    class Info:
        sha = "d" * 40
        siblings = ()

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: Info())
    with pytest.raises(BackboneError, match=r"no safetensors weights at commit d{40}"):
        hub.fetch(registry.find("mae-b"), allow_hub=True)
