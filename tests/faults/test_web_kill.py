"""The app is killed while decisions arrive by its own route (the benchmark, at small size)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.worker
@pytest.mark.slow
def test_no_acknowledged_decision_is_lost_when_the_app_is_killed():
    run = subprocess.run(
        [sys.executable, "benchmarks/kill_web.py", "--decisions", "80", "--kills", "2"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 kills of the app" in run.stdout
    assert "80 acknowledged, 80 in the ledger, 0 lost, 0 doubled" in run.stdout
