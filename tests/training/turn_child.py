"""Run TURN on the squares in a process of its own: FOLDER, then the event at which to die, if any.

`test_turn_kill.py` starts it; the scores go to FOLDER/result.npz.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from test_turn import run

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

    result = run(folder, on_event=on_event)
    weights = torch.cat([p.flatten() for p in result.model.state_dict().values()]).numpy()
    np.savez(
        folder / "result.npz",
        clean=result.clean_probability,
        loss=result.pass_loss,
        selected=result.selected,
        weights=weights,
        events=seen,
    )
