"""A tiny random model of every family, saved as a Hugging Face folder."""

from pathlib import Path

import torch
import transformers as t

_ENCODER = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}
_STAGES = {"depths": [1, 1], "hidden_sizes": [8, 16]}

CONFIGS = {
    "vit": lambda: t.ViTConfig(**_ENCODER),
    "deit": lambda: t.DeiTConfig(**_ENCODER),
    "vit_msn": lambda: t.ViTMSNConfig(**_ENCODER),
    "vit_mae": lambda: t.ViTMAEConfig(
        **_ENCODER,
        decoder_hidden_size=16,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
    ),
    "dinov2": lambda: t.Dinov2Config(**{**_ENCODER, "mlp_ratio": 2}),
    "clip_vision_model": lambda: t.CLIPVisionConfig(**_ENCODER),
    "convnext": lambda: t.ConvNextConfig(num_stages=2, image_size=32, **_STAGES),
    "convnextv2": lambda: t.ConvNextV2Config(num_stages=2, image_size=32, **_STAGES),
    "resnet": lambda: t.ResNetConfig(embedding_size=8, layer_type="basic", **_STAGES),
    "swin": lambda: t.SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4
    ),
}
FEATURE_DIM = dict.fromkeys(CONFIGS, 16) | {"dinov2": 32}
BODIES = {
    "vit": t.ViTModel,
    "deit": t.DeiTModel,
    "vit_msn": t.ViTMSNModel,
    "vit_mae": t.ViTMAEForPreTraining,
    "dinov2": t.Dinov2Model,
    "clip_vision_model": t.CLIPVisionModel,
    "convnext": t.ConvNextModel,
    "convnextv2": t.ConvNextV2Model,
    "resnet": t.ResNetModel,
    "swin": t.SwinModel,
}


def save_tiny(family: str, folder: Path) -> Path:
    """Random weights from seed 0, large enough that different inputs give different features."""
    torch.manual_seed(0)
    model = BODIES[family](CONFIGS[family]())
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1 and weights.requires_grad:
                weights.normal_(std=0.2)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text('{"size": 32, "resample": 2}')
    return folder
