"""The exported model opens with transformers and gives the same logits."""

import io
import zipfile

import pytest
import torch
from export_rows import HOSTILE
from transformers import AutoModelForImageClassification, ConvNextConfig, ConvNextModel

from turn_core.backbones.classifier import Classifier, load_classifier, save_classifier
from turn_core.backbones.loading import wrap
from turn_core.backbones.registry import BackboneSpec
from turn_core.export.model_folder import write_model

NAMES = list(HOSTILE)


@pytest.fixture
def classifier() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = ConvNextConfig(num_stages=2, depths=[1, 1], hidden_sizes=[8, 16], image_size=16)
        spec = BackboneSpec(
            name="tiny",
            title="tiny",
            family="convnext",
            input_px=16,
            resize_px=16,
            pooling="pooler",
            feature_dim=16,
            licence="none",
        )
        body = ConvNextModel(config)
        return Classifier(wrap(spec, body), torch.nn.Linear(16, len(NAMES))).eval()


def test_model__same_logits_and_exact_class_names_after_export(classifier, tmp_path):
    save_classifier(tmp_path / "model", classifier, NAMES)
    file = io.BytesIO()
    write_model(tmp_path / "model", file, name="zoo-round-1")
    zipfile.ZipFile(file).extractall(tmp_path / "out")
    pixels = torch.linspace(-1, 1, 2 * 3 * 16 * 16).view(2, 3, 16, 16)

    with torch.inference_mode():
        expected = classifier(pixels)
        again = AutoModelForImageClassification.from_pretrained(tmp_path / "out" / "zoo-round-1")
        torch.testing.assert_close(again(pixels).logits, expected)
    assert [again.config.id2label[i] for i in range(len(NAMES))] == NAMES
    assert load_classifier(tmp_path / "out" / "zoo-round-1")[1] == NAMES
