import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from worker_bench import PATIENCE

from turn_core.config import Settings
from turn_core.jobs import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


@pytest.fixture
def sleeper():
    process = subprocess.Popen(SLEEP, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_identity_survives_being_written_and_read():
    me = processes.identify()
    assert me.pid == os.getpid()
    assert processes.ProcessId.parse(str(me)) == me
    assert processes.ProcessId.parse("worker-1") is None


def test_living_process_is_not_dead_and_a_killed_one_is_even_before_it_is_reaped(sleeper):
    identity = processes.identify(sleeper.pid)
    assert not processes.is_surely_dead(identity)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # now a zombie
    assert processes.is_surely_dead(identity)


def test_reused_pid_and_earlier_boot_count_as_dead_but_another_host_is_unknown():
    me = processes.identify()
    assert processes.is_surely_dead(dataclasses.replace(me, start=me.start - 1))
    assert processes.is_surely_dead(dataclasses.replace(me, boot="an earlier boot"))
    assert not processes.is_surely_dead(dataclasses.replace(me, host="elsewhere", start=1))


def test_process_with_a_reused_pid_is_never_killed(sleeper):
    other = dataclasses.replace(processes.identify(sleeper.pid), start=1)
    assert not processes.kill_group_of(other)
    assert sleeper.poll() is None
    assert processes.kill_group_of(processes.identify(sleeper.pid))
    assert sleeper.wait(PATIENCE) == -signal.SIGKILL


def test_stop_kills_what_ignores_the_first_signal():
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True);"
    process = subprocess.Popen(
        [sys.executable, "-c", code + "import time; time.sleep(3600)"],
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    assert processes.stop(process, patience=0.2) == -signal.SIGKILL
    process.stdout.close()


def test_child_ends_with_its_parent(tmp_path):
    mark = tmp_path / "pid"
    child = (
        "import os, sys, time; from turn_core.jobs import processes;"
        "processes.die_with_parent(int(sys.argv[1]));"
        f"open({str(mark)!r}, 'w').write(str(processes.identify())); time.sleep(3600)"
    )
    parent = (
        "import os, subprocess, sys;"
        f"subprocess.Popen([sys.executable, '-c', {child!r}, str(os.getpid())]).wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    identity = wait_for_identity(mark)
    process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while not processes.is_surely_dead(identity) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes.is_surely_dead(identity)


def wait_for_identity(mark: Path) -> processes.ProcessId:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if mark.exists() and (identity := processes.ProcessId.parse(mark.read_text())):
            return identity
        time.sleep(0.02)
    raise AssertionError("the child did not start")


def test_environment_gives_another_process_the_same_settings(tmp_path):
    settings = Settings(
        home=tmp_path / "home",
        database_url="sqlite:////x.db",
        data_roots=(tmp_path / "a", tmp_path / "b"),
        port=9000,
        allow_hub=False,
    )
    assert Settings.from_env(processes.environment(settings)) == settings
