"""Checks of the machine, each with what to mend. Works where packages are missing or broken."""

import importlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from turn_core.config import Settings
from turn_core.errors import TurnError

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "run `pip install -r requirements.txt`"
MIN_PYTHON = (3, 11)
GB = 10**9
HUB = "https://huggingface.co"
HUB_SECONDS = 3.0
TORCH_SECONDS = 120.0


class Level(StrEnum):
    """How bad it is: FAIL keeps TURN Audit from working, WARN costs something."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found; `remedy` says what to mend, and is empty where all is well."""

    name: str
    level: Level
    text: str
    remedy: str = ""


def diagnose(settings: Settings) -> Iterator[Check]:
    """Yield the checks one by one, the quick ones first; no check raises."""
    for name, check in CHECKS:
        yield _guarded(name, check, settings)


def _guarded(name: str, check: Callable[[Settings], Check], settings: Settings) -> Check:
    try:
        return check(settings)
    except ImportError as error:
        return Check(name, Level.FAIL, f"a package is missing: {error}", INSTALL)
    except TurnError as error:
        return Check(name, Level.FAIL, str(error), "see the sentence")
    except Exception as error:  # a doctor reports what it meets, whatever it is
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return Check(name, Level.FAIL, text[:300], "read the message; report it if it is unclear")


def check_python(_settings: Settings) -> Check:
    """Python is 3.11 or newer."""
    text = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    if sys.version_info < MIN_PYTHON:
        return Check("Python", Level.FAIL, text, "use Python 3.11 or newer")
    return Check("Python", Level.OK, text)


def check_packages(_settings: Settings) -> Check:
    """Every pinned package is installed, in the pinned version."""
    missing, other = [], []
    for name, pinned in pinned_versions(ROOT / "requirements.txt"):
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if found.partition("+")[0] != pinned:
            other.append(f"{name} {found} instead of {pinned}")
    if missing:
        return Check("packages", Level.FAIL, f"missing: {', '.join(missing)}", INSTALL)
    if other:
        return Check("packages", Level.WARN, f"other versions: {', '.join(other)}", INSTALL)
    return Check("packages", Level.OK, "all there, in the pinned versions")


def pinned_versions(path: Path) -> list[tuple[str, str]]:
    """Return (name, version) of every `name==version` line of a requirements file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = [line.split("#")[0].strip().partition("==") for line in lines]
    return [(name.partition("[")[0], version) for name, _, version in pairs if version]


def check_sqlite(settings: Settings) -> Check:
    """SQLite is new enough: before 3.51.3 a write-ahead log could corrupt the database."""
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        return Check("SQLite", Level.OK, "not used: TURN_DATABASE_URL names another database")
    module = importlib.import_module("turn_core.store.engine").sqlite_module()
    return Check("SQLite", Level.OK, str(module.sqlite_version))


def check_home(settings: Settings) -> Check:
    """The home folder can be written to."""
    place = settings.home
    while not place.exists():
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError as error:
        text = f"{settings.home} cannot be written to ({error.strerror})"
        return Check("home", Level.FAIL, text, "mend its permissions, or set TURN_HOME")
    return Check("home", Level.OK, str(settings.home))


def check_disk(settings: Settings) -> Check:
    """The disk of the home folder has room."""
    place = settings.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / GB:,.1f} GB free"
    if free < GB // 2:
        return Check("disk", Level.FAIL, text, "free some space, or set TURN_HOME to another disk")
    if free < 5 * GB:
        return Check("disk", Level.WARN, text, "a large data set may not fit; free some space")
    return Check("disk", Level.OK, text)


def check_memory(_settings: Settings) -> Check:
    """There is memory for a training run."""
    memory = importlib.import_module("psutil").virtual_memory()
    text = f"{memory.available / GB:,.1f} of {memory.total / GB:,.1f} GB available"
    if memory.available < 3 * GB:
        remedy = "close other programs; training on a large data set may need 3 GB"
        return Check("memory", Level.WARN, text, remedy)
    return Check("memory", Level.OK, f"{text}, {os.cpu_count()} processors")


def check_database(settings: Settings) -> Check:
    """The database answers."""
    if not settings.database_url and not (settings.home / "turn.db").exists():
        return Check("database", Level.OK, "none yet; the first start makes it")
    workspace = _workspace(settings)
    try:
        revision = importlib.import_module("turn_core.store.migrate").revision(workspace.engine)
        if revision is None:
            return Check("database", Level.OK, "empty; the first start makes its tables")
        projects = importlib.import_module("turn_core.services.projects").list_projects(workspace)
    finally:
        workspace.close()
    count = f"{len(projects)} project{'' if len(projects) == 1 else 's'}"
    return Check("database", Level.OK, f"answers; schema {revision}, {count}")


def check_worker(settings: Settings) -> Check:
    """A worker was heard of in the last minute; without one jobs wait."""
    remedy = "`make run` starts one, `python -m turn_core worker` starts one alone"
    if not settings.database_url and not (settings.home / "turn.db").exists():
        return Check("worker", Level.WARN, "none runs", remedy)
    workspace = _workspace(settings)
    try:
        status = importlib.import_module("turn_core.services.jobs").worker_status(workspace)
    finally:
        workspace.close()
    if not status.alive:
        return Check("worker", Level.WARN, "none runs; jobs wait until one does", remedy)
    return Check("worker", Level.OK, f"{status.num_workers} running")


def _workspace(settings: Settings) -> Any:
    return importlib.import_module("turn_core.services.workspace").Workspace(settings)


def check_backbones(_settings: Settings) -> Check:
    """At least one backbone can be used without a network."""
    registry = importlib.import_module("turn_core.backbones.registry")
    statuses = registry.available_backbones()
    here = [status.spec.name for status in statuses if status.is_here]
    weights = registry.TURN_MINI_FOLDER / "model.safetensors"
    if not weights.exists():
        remedy = f"restore {weights.relative_to(ROOT)}: it is part of the repository"
        return Check("backbones", Level.FAIL, "the weights of turn-mini are missing", remedy)
    text = f"here: {', '.join(here)}; {len(statuses) - len(here)} more from the hub"
    return Check("backbones", Level.OK, text)


TORCH_PROBE = """
import json, time, torch
def seconds(kind):
    a = torch.randn(1024, 1024, dtype=kind); best = 9.0
    for _ in range(4):
        t = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - t)
    return best
cuda = torch.cuda.is_available()
print(json.dumps({
    "version": torch.__version__, "threads": torch.get_num_threads(),
    "gain": seconds(torch.float32) / seconds(torch.bfloat16),
    "cuda": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count() * cuda)],
}))
"""


def check_torch(_settings: Settings) -> Check:
    """PyTorch loads, in a process of its own: a broken build may crash instead of raising."""
    run = subprocess.run(
        [sys.executable, "-c", TORCH_PROBE],
        capture_output=True,
        text=True,
        timeout=TORCH_SECONDS,
        check=False,
    )
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines() or [f"it ended with code {run.returncode}"]
        return Check("torch", Level.FAIL, f"does not load: {lines[-1]}", INSTALL)
    found = json.loads(run.stdout.splitlines()[-1])
    devices = ", ".join(found["cuda"]) or "none; training uses the processor"
    bf16 = f"bf16 products {found['gain']:.1f} times as fast as fp32 on the processor"
    text = f"{found['version']}, {found['threads']} threads; {bf16}; CUDA: {devices}"
    return Check("torch", Level.OK, text)


def check_hub(settings: Settings) -> Check:
    """The Hugging Face hub can be reached; without it the local backbones still work."""
    if not settings.allow_hub:
        return Check("hub", Level.OK, "switched off by HF_HUB_OFFLINE")
    endpoint = os.environ.get("HF_ENDPOINT", HUB)
    try:
        request = urllib.request.Request(endpoint, method="HEAD")
        urllib.request.urlopen(request, timeout=HUB_SECONDS).close()
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        text = f"{endpoint} cannot be reached ({reason})"
        return Check("hub", Level.WARN, text, "use turn-mini or a backbone folder on this machine")
    return Check("hub", Level.OK, f"{endpoint} answers")


CHECKS: tuple[tuple[str, Callable[[Settings], Check]], ...] = (
    ("Python", check_python),
    ("packages", check_packages),
    ("SQLite", check_sqlite),
    ("home", check_home),
    ("disk", check_disk),
    ("memory", check_memory),
    ("database", check_database),
    ("worker", check_worker),
    ("torch", check_torch),
    ("backbones", check_backbones),
    ("hub", check_hub),
)
