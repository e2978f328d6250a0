"""Run TURN on the squares in a process of its own: FOLDER, then the event at which to die.

`test_turn_kill.py` starts it.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from turn_bench import run

from turn_core.methods import training

if __name__ == "__main__":
    folder, moment = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    training.CHECKPOINT_SECONDS, training.CHECKPOINT_SHARE = 0.0, 1e9
    seen = 0

    def on_event(event):
        global seen
        seen += 1
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    run(folder, on_event=on_event)
