"""`python -m turn_core`: see `python -m turn_core --help`."""

import sys

from turn_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
