"""The connection to Ray, which is an extra: `pip install turn-audit[ray]`.

Ray runs what runs without it: plain functions of plain values, in processes of its own, here or on
other machines. Those need this package installed and must see the files of a run (images, features)
under the same paths; one thread each, so that sums are the same everywhere.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import turn_core
from turn_core.errors import ConfigError, ResourceError

INSTALL = 'pip install "ray[tune]==2.60.0"'
LOCAL = "local"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
ENVIRON = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_raylet_start_wait_time_s": "60",
}
"""No report to Ray's makers, no notes to developers on the terminal; patience on a busy machine."""


def installed() -> bool:
    """Say whether Ray is here."""
    return importlib.util.find_spec("ray") is not None


@contextmanager
def connected(address: str = LOCAL, *, num_cpus: int | None = None) -> Iterator[Any]:
    """Start Ray on this machine (`local`), or join the cluster at `address`; leave it at the end.

    `num_cpus` bounds what a local one uses; by default all cores. Gives the module `ray`.

    Raises:
        ConfigError: Ray is not installed.
        ResourceError: there is no cluster at the address, or Ray did not come up.
    """
    if not installed():
        raise ConfigError(f"this needs Ray, which is not installed: run `{INSTALL}`")
    os.environ.update({name: os.environ.get(name, value) for name, value in ENVIRON.items()})
    import ray

    root = str(Path(turn_core.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    options: dict[str, Any] = {"num_cpus": num_cpus, "include_dashboard": False}
    variables = {**ONE_THREAD, "PYTHONPATH": paths}
    if address != LOCAL:
        options, variables = {"address": address}, ONE_THREAD
    try:
        ray.init(
            runtime_env={"env_vars": variables},
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except ConnectionError as error:
        raise ResourceError(
            f"no Ray cluster lets us in at {address!r}: give the address of one that runs, and "
            "RAY_AUTH_MODE=token where it asks for a token"
        ) from error
    except Exception as error:  # Ray raises a bare one where its processes do not come up in time
        ray.shutdown()
        raise ResourceError(
            f"Ray did not start ({error}): try again when the machine is less busy"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
