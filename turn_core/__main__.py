"""`python -m turn_core`: see `python -m turn_core --help`."""

import os
import sys

# Threads that wait for each other must sleep, not spin: where anything else runs beside a job
# (the app, a browser), spinning costs three quarters of its speed. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from turn_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
