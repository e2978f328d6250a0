"""Full fine-tuning by several processes, one GPU each, through Ray: `methods.fft.run_fft` in all.

Each process runs the same function with its share of every step; gradients are added up before the
step, so that all hold the same weights throughout. R processes.
"""

import math
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from turn_core.backbones.classifier import Classifier
from turn_core.backbones.precision import PrecisionChoice
from turn_core.config import FinetuneConfig
from turn_core.errors import ConfigError, JobError, ResourceError, TurnError
from turn_core.finetune import Share
from turn_core.methods.baseline import ImageData, MethodResult, OnEpoch
from turn_core.methods.configs import CeConfig, ElrConfig, GceConfig
from turn_core.methods.fft import run_fft as run_here

LOOK_SECONDS = 0.5
"""How often the caller hears of epochs, and is asked whether to go on."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What every process gets."""

    data: ImageData
    model: Classifier
    config: CeConfig | GceConfig | ElrConfig
    finetune: FinetuneConfig
    seed: int
    precision: PrecisionChoice
    on_gpu: bool


def run_fft(  # noqa: PLR0913 - the arguments of `methods.fft.run_fft`, and how many processes
    data: ImageData,
    model: Classifier,
    config: CeConfig | GceConfig | ElrConfig,
    finetune: FinetuneConfig,
    *,
    seed: int,
    precision: PrecisionChoice,
    num_workers: int,
    on_epoch: OnEpoch | None = None,
    check: Callable[[], None] = lambda: None,
) -> MethodResult:
    """Do what `methods.fft.run_fft` does, on `num_workers` processes of the connected cluster.

    The model is trained in place. It goes to GPUs where it lies on one now; the images must be
    readable by all. A step is cut into at least `num_workers` pieces.

    Raises:
        JobError: the loss is not finite, or a process died.
        ConfigError: the network has batch norm, or ELR was asked for.
        ResourceError: the cluster has fewer free CPUs or GPUs.
    """
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in model.modules()):
        raise ConfigError(
            "a network with batch norm cannot share its steps: choose another one, or one process"
        )
    device = next(model.parameters()).device
    piece = min(finetune.micro_batch_size, math.ceil(finetune.batch_size / num_workers))
    shared = replace(finetune, micro_batch_size=piece)
    on_gpu = device.type == "cuda"
    work = _Work(data, model.cpu(), config, shared, seed, precision, on_gpu)
    result, weights = _run(work, num_workers, on_epoch, check)
    model.load_state_dict(weights)
    model.to(device)
    return result


def _run(
    work: _Work, size: int, on_epoch: OnEpoch | None, check: Callable[[], None]
) -> tuple[MethodResult, dict[str, Tensor]]:
    import ray

    resource = "GPU" if work.on_gpu else "CPU"
    free = int(ray.available_resources().get(resource, 0))
    if free < size:
        raise ResourceError(f"{size} processes need a {resource} each, the cluster has {free} free")
    kind = ray.remote(num_cpus=1, num_gpus=int(work.on_gpu), max_concurrency=2)(_Process)
    workers = [kind.remote() for _ in range(size)]
    try:
        address = ray.get(workers[0].free_address.remote())
        payload = ray.put(work)
        calls = [w.run.remote(payload, rank, size, address) for rank, w in enumerate(workers)]
        told = 0
        while True:
            ended, _ = ray.wait(calls, num_returns=len(calls), timeout=LOOK_SECONDS)
            check()
            told = _tell(ray.get(workers[0].epochs.remote()), told, on_epoch)
            ray.get(ended)  # raises what one of them raised: the others wait for it in vain
            if len(ended) == size:
                found: tuple[MethodResult, dict[str, Tensor]] = ray.get(calls[0])
                return found
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise (cause if isinstance(cause, TurnError) else JobError(_first_line(error))) from error
    except ray.exceptions.RayError as error:
        raise JobError(f"a process of the fine-tuning died: {_first_line(error)}") from error
    finally:
        for worker in workers:
            ray.kill(worker)


def _tell(epochs: Sequence[tuple[int, float]], told: int, on_epoch: OnEpoch | None) -> int:
    """Tell of the epochs that the caller has not heard of; return how many it has."""
    for number, accuracy in epochs[told:]:
        if on_epoch is not None:
            on_epoch(number, accuracy)
    return len(epochs)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


class _Process:
    """One of R processes; Ray runs `epochs` beside `run`."""

    def __init__(self) -> None:
        self._epochs: list[tuple[int, float]] = []

    def free_address(self) -> str:
        """Where the processes meet."""
        import ray

        host = ray.util.get_node_ip_address()
        with socket.socket() as probe:
            probe.bind((host, 0))
            return f"tcp://{host}:{probe.getsockname()[1]}"

    def epochs(self) -> list[tuple[int, float]]:
        """The number and test accuracy of every epoch so far."""
        return list(self._epochs)

    def run(
        self, work: _Work, rank: int, size: int, address: str
    ) -> tuple[MethodResult, dict[str, Tensor]] | None:
        """Train this process' share; the first one returns the result and the weights."""
        distributed = torch.distributed
        distributed.init_process_group(
            "nccl" if work.on_gpu else "gloo", init_method=address, rank=rank, world_size=size
        )
        device = torch.device("cuda" if work.on_gpu else "cpu")

        def add_up(tensors: Sequence[Tensor]) -> None:
            flat = torch.cat([tensor.detach().flatten().to(device) for tensor in tensors])
            distributed.all_reduce(flat)
            parts = torch.split(flat, [tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts):
                tensor.copy_(part.view_as(tensor))

        try:
            model = work.model.to(device)
            result = run_here(
                work.data,
                model,
                work.config,
                work.finetune,
                seed=work.seed,
                precision=work.precision,
                on_epoch=lambda number, accuracy: self._epochs.append((number, accuracy)),
                share=Share(rank, size, add_up),
            )
            if rank:
                return None
            weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
            return result, weights
        finally:
            distributed.destroy_process_group()
