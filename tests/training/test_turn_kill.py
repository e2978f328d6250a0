import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from turn_bench import assert_same, run

HERE = Path(__file__).parent


def _start(folder, moment):
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{HERE}:{HERE.parents[1]}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "turn_child.py"), str(folder), str(moment)]
    return subprocess.run(command, env=environment, check=False).returncode


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_real_sigkill_changes_no_bit_of_the_result(tmp_path):
    events = []
    straight = run(tmp_path / "straight", on_event=events.append)
    assert _start(tmp_path / "killed", len(events) // 2) == -signal.SIGKILL
    later = []
    assert_same(run(tmp_path / "killed", on_event=later.append), straight)
    assert len(later) < len(events)  # it went on, and did not start anew
