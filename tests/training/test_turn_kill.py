import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from test_turn import run

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
    assert _start(tmp_path / "killed", 0) == 0
    killed = np.load(tmp_path / "killed" / "result.npz")
    assert np.array_equal(killed["clean"], straight.clean_probability)
    assert np.array_equal(killed["loss"], straight.pass_loss)
    assert np.array_equal(killed["selected"], straight.selected)
    weights = torch.cat([p.flatten() for p in straight.model.state_dict().values()]).numpy()
    assert np.array_equal(killed["weights"], weights)
    assert killed["events"] < len(events)  # it went on, and did not start anew
