"""A data set and a backbone that take a second: coloured squares, a network of 500 weights."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 190, 50), "blue": (50, 60, 210)}


def png(colour: str, seed: int) -> bytes:
    """A 16 x 16 square of a colour with noise."""
    noise = np.random.default_rng(seed).integers(-30, 30, (16, 16, 3))
    pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def squares(per_class: int = 24, wrong_every: int = 6) -> list[tuple[str, str, bytes]]:
    """(given label, true label, PNG); every sixth given label is the next colour's."""
    names = list(COLOURS)
    items = []
    for number in range(per_class * len(names)):
        true = names[number % len(names)]
        shift = int(number % wrong_every == 0)
        given = names[(number + shift) % len(names)]
        items.append((given, true, png(true, number)))
    return items


def write_zip(path: Path, items: list[tuple[str, str, bytes]]) -> Path:
    """A ZIP with one folder per given label."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (given, _, data) in enumerate(items):
            archive.writestr(f"{given}/{number:03d}.png", data)
    return path


def write_table(folder: Path, items: list[tuple[str, str, bytes]]) -> Path:
    """A folder of images with a CSV: file_name, label, truth."""
    folder.mkdir()
    lines = ["file_name,label,truth"]
    for number, (given, true, data) in enumerate(items):
        (folder / f"{number:03d}.png").write_bytes(data)
        lines.append(f"{number:03d}.png,{given},{true}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def save_backbone(folder: Path) -> Path:
    """A Hugging Face folder of a ResNet with two small stages and random weights of seed 0."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=4, depths=[1, 1], hidden_sizes=[8, 16], layer_type="basic"
    )
    transformers.ResNetModel(config).save_pretrained(folder)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder
