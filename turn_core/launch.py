"""`python -m turn_core up`: the worker and the app side by side, and both ended together.

The worker is a sibling of the web process, never its child: a restarted or dead app stops no
training. A worker that dies is started again a few times; an app that dies ends everything.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from turn_core.config import Settings
from turn_core.errors import ConfigError, TurnError
from turn_core.jobs import processes

ROOT = Path(__file__).resolve().parent.parent
MAX_RESTARTS = 5
"""A worker is started again at most this often within `RESTART_WINDOW` seconds."""
RESTART_WINDOW = 600.0
WORKER_PATIENCE = 30.0
"""Seconds that the worker may take to checkpoint and end."""
WEB_PATIENCE = 10.0
START_SECONDS = 120.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks without a proxy: the app is on this machine."""


def web_command(settings: Settings) -> list[str]:
    """Return the command line of the app; everything else is in .streamlit/config.toml."""
    return [
        *(sys.executable, "-m", "streamlit", "run", "serve.py"),
        *("--server.address", settings.host, "--server.port", str(settings.port)),
        *("--server.headless", "true", "--browser.gatherUsageStats", "false"),
    ]


def worker_command() -> list[str]:
    """Return the command line of the worker."""
    return [sys.executable, "-m", "turn_core", "worker"]


def start(command: list[str], log: Path, settings: Settings) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own; it ends when this process does.

    Output is appended to `log`. A terminal's Ctrl-C so reaches only us, and we stop the parts
    in order.
    """
    parent = os.getpid()
    environ = processes.environment(settings)
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: processes.die_with_parent(parent, signal.SIGTERM),
        )


class Launcher:
    """Starts worker and app, watches them, stops them.

    Args:
        settings: home, host, port and database.
        say: takes one line for the person at the terminal.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._stopping = threading.Event()
        self._deaths: deque[float] = deque()
        self._logs = settings.home / "logs"

    def run(self) -> None:
        """Serve until Ctrl-C, SIGTERM or a closed terminal.

        Raises:
            ConfigError: the port is taken.
            TurnError: the app cannot be started or died, or the worker dies again and again.
        """
        require_free_port(self._settings.host, self._settings.port)
        self._logs.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        running = {"worker": self._start("worker"), "web": self._start("web")}
        try:
            self._wait_until_served(running["web"])
            self._watch(running)
        finally:
            self._say("Stopping; a training run goes on from its last checkpoint next time.")
            self._stop(running)

    def _start(self, part: str) -> "subprocess.Popen[bytes]":
        command = worker_command() if part == "worker" else web_command(self._settings)
        return start(command, self._logs / f"{part}.log", self._settings)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _wait_until_served(self, web: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._stopping.is_set():
            self._require_alive(web)
            if answers(self._settings):
                self._say(f"TURN Audit is at {url(self._settings)} - Ctrl-C stops it.")
                return
            if time.monotonic() > deadline:
                raise TurnError(
                    f"The app did not answer within {START_SECONDS:.0f} seconds;"
                    f" see {self._logs / 'web.log'}"
                )
            self._stopping.wait(0.1)

    def _watch(self, running: "dict[str, subprocess.Popen[bytes]]") -> None:
        while not self._stopping.wait(0.5):
            self._require_alive(running["web"])
            code = running["worker"].poll()
            if code is not None:
                self._count_death(code)
                running["worker"] = self._start("worker")

    def _require_alive(self, web: "subprocess.Popen[bytes]") -> None:
        code = web.poll()
        if code is not None:
            raise TurnError(
                f"The app ended by itself (exit code {code}); see {self._logs / 'web.log'}"
            )

    def _count_death(self, code: int) -> None:
        now = time.monotonic()
        self._deaths.append(now)
        while self._deaths[0] < now - RESTART_WINDOW:
            self._deaths.popleft()
        log = self._logs / "worker.log"
        if len(self._deaths) > MAX_RESTARTS:
            raise TurnError(
                f"The worker ended {len(self._deaths)} times within"
                f" {RESTART_WINDOW / 60:.0f} minutes (exit code {code}); see {log}"
            )
        self._say(f"The worker ended (exit code {code}) and is started again; see {log}.")
        self._stopping.wait(min(2.0 ** (len(self._deaths) - 1) - 1, 10))

    def _stop(self, running: "dict[str, subprocess.Popen[bytes]]") -> None:
        """End both at once: the app quickly, the worker when its jobs have checkpointed."""
        for process in running.values():
            processes.signal_group(process, signal.SIGTERM)
        processes.stop(running["web"], patience=WEB_PATIENCE)
        processes.stop(running["worker"], patience=WORKER_PATIENCE)


def url(settings: Settings) -> str:
    """Return the address to open; a server on all interfaces is named by the local one."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def answers(settings: Settings) -> bool:
    """Return whether the app says that it is well."""
    try:
        with _DIRECT.open(f"{url(settings)}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def require_free_port(host: str, port: int) -> None:
    """Check that nothing listens on `port` yet.

    Raises:
        ConfigError: something does, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"Cannot listen on {host}:{port} ({error.strerror}); end what uses the port"
                " or choose another with TURN_PORT"
            ) from error
