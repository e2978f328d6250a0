"""On what a run was computed: versions, processor, code. For the record of the run."""

import hashlib
import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import turn_core

PACKAGES = ("torch", "transformers", "safetensors", "numpy", "scipy", "scikit-learn", "pillow")


def describe(device: torch.device) -> dict[str, Any]:
    """Return plain values: version, code_sha256, python, packages, device, cpu, cores."""
    return {
        "version": turn_core.__version__,
        "code_sha256": _code_sha256(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "device": _device_name(device),
        "cpu": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
    }


def peak_memory_bytes() -> int:
    """Return the largest resident size that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def _code_sha256() -> str:
    """Hash of the package's own Python files: says whether two runs used the same code."""
    root = Path(turn_core.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
