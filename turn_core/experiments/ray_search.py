"""The search by Ray Tune: the same function on the same settings, on one machine or a cluster.

A trial of Tune is one setting; the grid is the list of their numbers. What it reports is what the
function returns here, so that the winner is the same.
"""

import tempfile
import threading
from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from typing import Any

import torch

from turn_core.config import ProbeConfig
from turn_core.errors import JobError
from turn_core.experiments.search import Numbered, RunAll, Trial, TryConfig

NUMBER = "number"
REPORTED = ("accuracy", "loss", "seconds", "problem")
"""What a trial says beside its number."""
FAILURES = 2
"""A setting whose process dies is tried so many times more."""
TRIALS_PER_GPU = 4
"""A probe on cached features needs a part of a GPU."""

Ended = SimpleQueue[Trial | Exception | None]
"""Trials as they end, then None; before it what went wrong."""


def runner(device: torch.device | str = "cpu") -> RunAll:
    """Return what runs the trials on all workers of the connected cluster, for `search.search`.

    Closing its iterator stops the trials that are under way.
    """
    on_gpu = torch.device(device).type == "cuda"

    def run_all(attempt: TryConfig, numbered: Numbered) -> Iterator[Trial]:
        ended, stop = Ended(), threading.Event()
        arguments = (attempt, dict(numbered), on_gpu, ended, stop)
        thread = threading.Thread(target=_tune, args=arguments, daemon=True)
        thread.start()
        try:
            while (found := ended.get()) is not None:
                if isinstance(found, Exception):
                    raise JobError(f"Ray could not run the trials: {found}") from found
                yield found
        finally:
            stop.set()
            thread.join()

    return run_all


def _tune(
    attempt: TryConfig,
    configs: Mapping[int, ProbeConfig],
    on_gpu: bool,
    ended: Ended,
    stop: threading.Event,
) -> None:
    """Run the grid to its end and hand over each trial as it ends, then None."""
    from ray import tune

    try:
        with tempfile.TemporaryDirectory() as folder:
            tuner = tune.Tuner(
                _trainable(tune, attempt, configs, on_gpu=on_gpu),
                param_space={NUMBER: tune.grid_search(list(configs))},
                tune_config=tune.TuneConfig(reuse_actors=True),
                run_config=tune.RunConfig(
                    storage_path=folder,
                    verbose=0,
                    callbacks=[_listener(tune, configs, ended)],
                    stop=_stopper(tune, stop),
                    failure_config=tune.FailureConfig(max_failures=FAILURES),
                ),
            )
            for error in tuner.fit().errors[:1]:
                ended.put(error)
    except Exception as error:  # the edge of a thread: whoever waits must hear of it
        ended.put(error)
    finally:
        ended.put(None)


def _trainable(
    tune: Any, attempt: TryConfig, configs: Mapping[int, ProbeConfig], *, on_gpu: bool
) -> Any:
    """Return the function that Tune calls; data and settings travel once, by the object store."""

    def try_one(config: dict[str, int], attempt: TryConfig, configs: Any) -> None:
        trial = attempt(config[NUMBER], configs[config[NUMBER]])
        tune.report({name: getattr(trial, name) for name in REPORTED})

    bound = tune.with_parameters(try_one, attempt=attempt, configs=dict(configs))
    gpu = {"gpu": 1 / TRIALS_PER_GPU} if on_gpu else {}
    return tune.with_resources(bound, {"cpu": 1, **gpu})


def _listener(tune: Any, configs: Mapping[int, ProbeConfig], ended: Ended) -> Any:
    """Return a callback that hands over each trial once, even where its process dies after it."""
    heard: set[int] = set()

    class Listener(tune.Callback):  # type: ignore[misc]
        def __reduce__(self) -> Any:
            return tune.Callback, ()  # Tune saves what it could go on from; we never do

        def on_trial_result(self, *, result: Mapping[str, Any], **_info: Any) -> None:
            index = int(result["config"][NUMBER])
            if index not in heard:
                heard.add(index)
                figures = {name: result[name] for name in REPORTED}
                ended.put(Trial(index=index, config=configs[index], **figures))

    return Listener()


def _stopper(tune: Any, stop: threading.Event) -> Any:
    """Return what tells Tune to end all trials once `stop` is set."""

    class Stopper(tune.Stopper):  # type: ignore[misc]
        def __reduce__(self) -> Any:
            return tune.stopper.NoopStopper, ()

        def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
            return False

        def stop_all(self) -> bool:
            return stop.is_set()

    return Stopper()
