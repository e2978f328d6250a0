"""One training run per GPU, or one on a machine without: a locked file per slot.

The kernel frees the lock when the last process that holds it ends, however it ends; the job's
process inherits it, so that a slot stays taken while a job outlives its worker.
"""

import fcntl
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that is ours until `release`.

    Attributes:
        name: `cpu`, or `gpu` with the number or id of the device.
        handle: file descriptor of the lock, to be passed on to the job's process.
        environ: variables that keep the job on this device.
    """

    name: str
    handle: int
    environ: Mapping[str, str]

    def release(self) -> None:
        """Give our hold on the slot back."""
        os.close(self.handle)


def devices(environ: Mapping[str, str], device_folder: Path = Path("/dev")) -> list[str]:
    """Return the ids of the NVIDIA GPUs that we may use, without loading torch."""
    there = sorted(
        int(match[1])
        for path in device_folder.glob("nvidia*")
        if (match := re.fullmatch(r"nvidia(\d+)", path.name))
    )
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not there:
        return [str(number) for number in there]
    return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]


def acquire(folder: Path, gpus: Sequence[str]) -> Slot | None:
    """Take a free slot of this machine, or return None where all are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    for gpu in gpus or [""]:
        name = "gpu" + re.sub(r"[^0-9A-Za-z-]", "_", gpu) if gpu else "cpu"
        handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return Slot(name, handle, {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
    return None
