"""The averaged student's body as a Hugging Face folder: fp16 weights, no training heads."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import ConvNextConfig, ConvNextModel

from turn_core.backbones.pretrain.loop import Run
from turn_core.backbones.pretrain.student import BODY, MEAN, STD

INFERENCE_PX = 64


def export(run: Run, folder: Path) -> None:
    """Write config.json, model.safetensors (fp16), preprocessor_config.json, training.json."""
    model = ConvNextModel(ConvNextConfig(**BODY))
    model.load_state_dict(run.average.body.state_dict())
    model.to(torch.float16).save_pretrained(folder)
    processor = {
        "image_processor_type": "ConvNextImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": INFERENCE_PX},
        "crop_pct": 1.0,
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [round(v, 3) for v in MEAN.flatten().tolist()],
        "image_std": [round(v, 3) for v in STD.flatten().tolist()],
    }
    _write(folder / "preprocessor_config.json", processor)
    record = {"steps": run.step, "seconds": round(run.seconds), "history": run.history}
    _write(folder / "training.json", record)


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
