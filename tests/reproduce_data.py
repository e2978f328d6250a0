"""Miniatures of CIFAR-100 and Clothing1M, on disk as they are published."""

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COLOURS = {
    "apple": (220, 40, 40),
    "beaver": (40, 200, 60),
    "dolphin": (50, 60, 220),
    "pear": (210, 200, 50),
    "rose": (200, 60, 200),
}
"""Apple and pear, beaver and dolphin share a superclass of the small scale; rose is in none."""
NAMES = sorted(COLOURS)
TRAIN, TEST = 30, 6
"""Images of every class."""


def png(name, seed, side=8):
    noise = np.random.default_rng(seed).integers(-40, 40, (side, side, 3))
    pixels = np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def write_cifar(folder, *, human=True):
    """Parquet shards by split; a third of the human labels of beavers and pears is wrong."""
    folder.mkdir(parents=True)
    declared = {"info": {"features": {"fine_label": {"names": NAMES, "_type": "ClassLabel"}}}}
    for split, per_class, first in (("train", TRAIN, 0), ("test", TEST, 10_000)):
        labels = [number % len(NAMES) for number in range(per_class * len(NAMES))]
        table = pa.table(
            {
                "image": [
                    {"bytes": png(NAMES[label], first + place), "path": None}
                    for place, label in enumerate(labels)
                ],
                "fine_label": labels,
            }
        )
        table = table.replace_schema_metadata({"huggingface": json.dumps(declared)})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
        if split == "train" and human:
            write_human(folder, labels)
    return folder


def write_human(folder, labels):
    with (folder / "human_labels.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["index", "clean_label", "human_label"])
        for index, label in enumerate(labels):
            shift = int(index % 3 == 0 and label in (1, 3))
            out.writerow([index, NAMES[label], NAMES[(label + shift) % len(NAMES)]])


def write_clothing(folder):
    """Key lists and labels of two classes; a third of the training labels is wrong."""
    (folder / "images").mkdir(parents=True)
    shown, noisy, clean = ("apple", "pear"), [], []
    lists = {"noisy_train_key_list.txt": [], "clean_test_key_list.txt": []}
    for place in range(30):
        key, label = f"images/{place}.png", place % 2
        (folder / key).write_bytes(png(shown[label], place, side=12))
        if place < 24:
            lists["noisy_train_key_list.txt"].append(key)
            noisy.append(f"{key} {(label + (place % 3 == 0)) % 2}")
        else:
            lists["clean_test_key_list.txt"].append(key)
            clean.append(f"{key} {label}")
    for name, lines in {
        **lists,
        "noisy_label_kv.txt": noisy,
        "clean_label_kv.txt": clean,
        "category_names_eng.txt": ["T-Shirt", "Shirt"],
    }.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder
