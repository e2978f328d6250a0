import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = ("workspace", "projects", "samples", "runs", "review", "jobs", "leases", "cleanup")


def test_the_services_import_nothing_that_computes():
    imports = ", ".join(f"turn_core.services.{name}" for name in MODULES)
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & {"torch", "sklearn", "transformers", "pandas"} == set()
