import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from worker_bench import PATIENCE

from turn_core import launch
from turn_core.config import Settings
from turn_core.errors import ConfigError
from turn_core.jobs import processes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(home=tmp_path / "home", database_url="", port=port, allow_hub=False)


def test_address_to_open():
    def at(host):
        return launch.url(Settings(home=Path("/h"), database_url="", host=host, port=8501))

    assert at("127.0.0.1") == "http://127.0.0.1:8501"
    assert at("0.0.0.0") == "http://127.0.0.1:8501"
    assert at("::1") == "http://[::1]:8501"


def test_port_that_is_taken_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} .*TURN_PORT"):
            launch.require_free_port("127.0.0.1", port)
    launch.require_free_port("127.0.0.1", port)


def until(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
    return found


def part(process, word):
    """The child of the launcher whose command line has `word`."""
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.Error):  # it may end just now
            if word in child.cmdline():
                return child
    return None


def another(process, worker):
    found = part(process, "worker")
    return found if found and found.pid != worker.pid else None


@pytest.mark.worker
def test_up_serves_restarts_a_dead_worker_and_ends_both_on_ctrl_c(settings):
    process = subprocess.Popen(
        [sys.executable, "-m", "turn_core", "up"],
        cwd=ROOT,
        env=processes.environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert launch.url(settings) in process.stdout.readline()
        with urllib.request.urlopen(launch.url(settings), timeout=PATIENCE) as reply:
            assert reply.status == 200
        worker = until(lambda: part(process, "worker"))
        web = part(process, "streamlit")
        worker.kill()
        again = until(lambda: another(process, worker))
        assert re.search(r"exit code -9\) and is started again", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not any(psutil.pid_exists(pid) for pid in (web.pid, again.pid))
    assert not launch.answers(settings)


@pytest.mark.worker
def test_killed_launcher_leaves_nothing_behind(settings):
    process = subprocess.Popen(
        [sys.executable, "-m", "turn_core", "up"],
        cwd=ROOT,
        env=processes.environment(settings),
        stdout=subprocess.DEVNULL,
    )
    until(lambda: part(process, "worker") and part(process, "streamlit"))
    left = [part(process, "worker"), part(process, "streamlit")]
    process.kill()
    process.wait()
    until(lambda: not any(p.is_running() and p.status() != "zombie" for p in left))
    assert os.path.exists(settings.home / "turn.db")
