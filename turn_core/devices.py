"""The device a run computes on, from what the person wrote."""

import torch

from turn_core.errors import ConfigError, ResourceError


def resolve(name: str) -> torch.device:
    """Return the device `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.

    Raises:
        ConfigError: another name.
        ResourceError: a GPU was asked for that is not there.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    kind, _, number = name.partition(":")
    if name != "cpu" and (kind != "cuda" or not (number or "0").isdecimal() or name.endswith(":")):
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    if kind == "cuda" and int(number or 0) >= count:
        raise ResourceError(
            f"device {name} was asked for but {count} CUDA GPUs are usable here; choose auto or cpu"
        )
    return torch.device("cpu") if kind == "cpu" else torch.device("cuda", int(number or 0))


def inference_batch(device: torch.device) -> int:
    """Images per forward pass without gradients: small on a CPU, where memory is the limit."""
    return 32 if device.type == "cpu" else 256
