"""Coloured squares and a network of a few thousand weights to explore, in a second or two.

Run as a script it explores into FOLDER and dies by SIGKILL at the given event.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

from turn_core.backbones.loading import wrap
from turn_core.backbones.registry import BackboneSpec
from turn_core.experiments import explore_data
from turn_core.experiments.explore import ExploreInputs, run_exploration
from turn_core.experiments.study_data import Candidates
from turn_core.explore_config import ExploreConfig
from turn_core.pixels import to_geometry

SIZE, SIDE = 150, 16
CONFIG = ExploreConfig(
    backbones=("tiny",), levels=(0.0, 0.9), epochs=8, batch_size=16, device="cpu", seed=3
)


def tiny_backbone(name="tiny"):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.ConvNextConfig(
            num_stages=2,
            depths=[1, 1],
            hidden_sizes=[8, 16],
            image_size=SIDE,
            layer_scale_init_value=0.0,
        )
        body = transformers.ConvNextModel(config)
    return wrap(
        BackboneSpec(
            name=name,
            title=name,
            family="convnext",
            input_px=SIDE,
            resize_px=SIDE,
            pooling="pooler",
            feature_dim=16,
            licence="none",
            preset="resnet",  # the highest learning rate: so little is learnt quickly
        ),
        body,
    )


class Squares:
    """Images (N, 3, 16, 16) in memory; a bright patch in the channel of the class."""

    def __init__(self, rows, geometry=None):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 120, (SIZE, 3, SIDE, SIDE)).astype(np.uint8)
        images[np.arange(SIZE), np.arange(SIZE) % 3, 4:12, 4:12] += np.uint8(90)
        self.images, self.geometry = torch.from_numpy(images[rows]), geometry

    def __len__(self):
        return len(self.images)

    def batch(self, rows):
        images = self.images[torch.from_numpy(rows)]
        return images if self.geometry is None else to_geometry(images, self.geometry)


def candidates(**changes):
    labels = np.arange(SIZE) % 3
    values = {
        "ids": np.arange(SIZE) + 1000,
        "labels": labels,
        "true": labels,
        "trusted": np.zeros(SIZE, bool),
        "usable": np.ones(SIZE, bool),
        "split": [None] * SIZE,
        "image_keys": [str(row) for row in range(SIZE)],
    }
    return Candidates(**values | changes)


def inputs(folder, config=CONFIG, **changes):
    selection = explore_data.select_samples(candidates(**changes), config)

    def open_pixels(geometry, on_progress):
        on_progress(0, len(selection.rows))
        return Squares(selection.rows, geometry)

    return ExploreInputs(
        selection=selection,
        open_pixels=open_pixels,
        folder=Path(folder) / "panels",
        work=Path(folder) / "work",
        load=tiny_backbone,
    )


if __name__ == "__main__":
    target, moment = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    seen = 0

    def on_event(event):
        global seen
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    run_exploration(inputs(target), CONFIG, on_event=on_event)
