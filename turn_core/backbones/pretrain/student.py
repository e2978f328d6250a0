"""The student: turn-mini's body with the two heads that exist only while it is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ConvNextConfig, ConvNextModel

from turn_core.backbones.depthwise import speed_up_depthwise
from turn_core.backbones.pretrain.teacher import Teacher

TRAIN_PX = 64
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

# Three stages instead of four: at 64 px a fourth would see a map of 2 x 2 places.
BODY = {
    "num_stages": 3,
    "depths": [2, 2, 6],
    "hidden_sizes": [48, 96, 256],
    "patch_size": 4,
    "layer_scale_init_value": 0.0,
    "drop_path_rate": 0.0,
    "image_size": TRAIN_PX,
}


class Student(nn.Module):
    """Body (B, 3, P, P) -> (B, D), class head (D -> K), projection onto the teacher's features."""

    def __init__(self, classes: int, teacher_dim: int) -> None:
        super().__init__()
        self.body = ConvNextModel(ConvNextConfig(**BODY)).to(memory_format=torch.channels_last)
        speed_up_depthwise(self.body)
        width = BODY["hidden_sizes"][-1]  # type: ignore[index]
        self.head = nn.Linear(width, classes)
        self.projection = nn.Linear(width, teacher_dim)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels in 0..1 -> class logits (B, K) and standardised teacher features, float32."""
        normalised = ((pixels - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = self.body(normalised).pooler_output
        features = features.float()
        return self.head(features), self.projection(features)


def loss(
    logits: Tensor, predicted: Tensor, labels: Tensor, targets: Tensor, teacher: Teacher
) -> dict[str, Tensor]:
    """Label smoothing CE on the classes, MSE on the teacher's features, KL on its logits."""
    wanted = F.log_softmax(teacher.logits(targets), dim=1)
    got = F.log_softmax(teacher.logits(predicted), dim=1)
    parts = {
        "ce": F.cross_entropy(logits, labels, label_smoothing=0.1),
        "mse": F.mse_loss(predicted, targets),
        "kl": F.kl_div(got, wanted, log_target=True, reduction="batchmean"),
    }
    parts["total"] = 0.5 * parts["ce"] + parts["mse"] + parts["kl"]
    return parts
