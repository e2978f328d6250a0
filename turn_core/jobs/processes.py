"""Processes that are told apart for certain: pid, start time and boot id; never by pid alone."""

import ctypes
import os
import platform
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from turn_core.config import Settings

_ON_LINUX = platform.system() == "Linux"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process on a machine since its last boot.

    Attributes:
        host: name of the machine, and the namespace of pids: in another container the same
            number is another process.
        pid: number of the process, which the system gives again later.
        start: when it started, in the system's own ticks; 0 where there is no such process.
        boot: id of the boot; after a reboot every process of before is gone.
    """

    host: str
    pid: int
    start: int
    boot: str

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.start}:{self.boot}"

    @staticmethod
    def parse(text: str) -> "ProcessId | None":
        """Return the process that `str` wrote, or None where the text is something else."""
        parts = text.rsplit(":", 3)
        if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
            return None
        return ProcessId(parts[0], int(parts[1]), int(parts[2]), parts[3])


def identify(pid: int | None = None) -> ProcessId:
    """Return the identity of process `pid` on this machine; without one, of this process."""
    pid = os.getpid() if pid is None else pid
    return ProcessId(_host(), pid, _start_time(pid), _boot_id())


def is_surely_dead(process: ProcessId) -> bool:
    """Return whether `process` ran on this machine and is gone; False also means "cannot know"."""
    here = identify(process.pid)
    if process.host != here.host:
        return False
    return process.boot != here.boot or process.start != here.start


def die_with_parent(parent_pid: int, sig: int = signal.SIGKILL) -> None:
    """Ask the kernel to send `sig` to this process when its parent ends (Linux only).

    Elsewhere the heartbeat thread watches the parent's pid. Exits at once when the parent
    was gone already: the request would then never fire.
    """
    if _ON_LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """Return the environment in which another process reads the same settings (and `more`)."""
    return {
        **os.environ,
        "TURN_HOME": str(settings.home),
        "TURN_DATABASE_URL": settings.database_url,
        "TURN_DATA_ROOTS": os.pathsep.join(map(str, settings.data_roots)),
        "TURN_HOST": settings.host,
        "TURN_PORT": str(settings.port),
        "HF_HUB_OFFLINE": "0" if settings.allow_hub else "1",
        **more,
    }


def signal_group(process: "subprocess.Popen[bytes]", sig: int) -> None:
    """Send `sig` to the process group that `process` leads; nothing happens if it is gone."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            return


def kill_group_of(process: ProcessId) -> bool:
    """SIGKILL the group led by `process` if that very process still lives; say whether it did."""
    if process.pid <= 1 or identify(process.pid) != process or process.start == 0:
        return False
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def stop(process: "subprocess.Popen[bytes]", *, patience: float) -> int:
    """Send SIGTERM, wait `patience` seconds, then SIGKILL the group; return the exit code."""
    signal_group(process, signal.SIGTERM)
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)
        return process.wait()


def _host() -> str:
    namespace = Path("/proc/self/ns/pid")
    inode = namespace.stat().st_ino if namespace.exists() else 0
    return f"{platform.node().replace(':', '_')}/{inode}"


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else str(round(psutil.boot_time()))


def _start_time(pid: int) -> int:
    """Start in clock ticks since boot on Linux (a set clock cannot move it), else milliseconds."""
    try:
        if _ON_LINUX:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return 0 if fields[0] in "ZX" else int(fields[19])
        return round(psutil.Process(pid).create_time() * 1000)
    except (OSError, psutil.Error):
        return 0
