"""The layers of the code, walked: who may import whom, what stays out of the web process, sizes."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("turn_core", "app", "pages")

# A module imports its own layer and those before it. A new top-level module needs a place here.
LAYERS = (
    {
        "base": "__init__ errors ranges types config seeds presets durable",
        "base settings": "noise_config explore_config what_if_config compare_config search_config",
    },
    {"math with intervals": "estimates"},
    {"math": "losses metrics scoring mixture noise images augment array_file devices holdout"},
    {"math on mixtures": "loss_groups"},
    {"math with models": "backbones checkpoint pixels"},
    {
        "algorithms": "features predictions linear_probe cleansing finetune neighbours projection",
        "algorithms of turn-plus": "noise_aware_probe",
        "algorithms that measure": "distortion second_opinion what_if",
        "algorithms on changed copies": "views",
        "algorithms that draw maps": "map_layout",
    },
    {"methods": "methods"},
    {"store": "store"},
    {"sources and writers": "ingest export experiments"},
    {"services": "services"},
    {"jobs": "jobs"},
    {
        "edge": "cli __main__ launch",
        "commands": "cli_explore cli_figure2 cli_local cli_members cli_compare cli_search",
        "tables of papers": "cli_reproduce",
    },
)
RANK = {
    name: rank
    for rank, layer in enumerate(LAYERS)
    for names in layer.values()
    for name in names.split()
}
BASE = {name for name, rank in RANK.items() if rank == 0}
APP_MAY_IMPORT = {
    *("types", "errors", "config", "noise_config", "explore_config", "services", "jobs"),
    "compare_config",
    "__init__",
}
NEVER_IN_THE_WEB = {
    *("torch", "torchvision", "transformers", "sklearn", "scipy", "umap", "openTSNE", "kornia"),
    *("cleanlab", "numba"),
}
NEVER_NAMED_BY_PAGES = NEVER_IN_THE_WEB | {"sqlalchemy", "alembic", "pysqlite3", "sqlite3"}

MAX_LINES = 300
MAX_PAGE_LINES = 60
MAX_FUNCTION_LINES = 45
GENERATED = ("store/migrations/versions",)


def sources(*trees: str) -> Iterator[Path]:
    for tree in trees:
        yield from sorted((ROOT / tree).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """The top-level part of turn_core that a dotted name belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import; `from a import b` gives `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _top_level(tree) if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the full name of the module"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs on import: not the bodies of functions, and not what is for type checkers."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def test_every_part_of_the_library_has_a_layer():
    parts = {part_of(module_of(path)) for path in sources("turn_core")}
    assert parts <= set(RANK), f"give {sorted(parts - set(RANK))} a place in LAYERS"


def test_library_imports_its_own_layer_and_those_below():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("turn_core")
        for line, name in imports(path)
        if name.startswith("turn_core.")
        and RANK[part_of(name) if part_of(name) in RANK else "__init__"]
        > RANK[part_of(module_of(path))]
    ]
    assert not wrong, "\n".join(wrong)


def test_library_knows_no_user_interface():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("turn_core")
        for line, name in imports(path)
        if name.split(".")[0] in ("streamlit", "app", "pages")
    ]
    assert not wrong, "\n".join(wrong)


def test_store_knows_only_the_base():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("turn_core/store")
        for line, name in imports(path)
        if (name.startswith("turn_core.") and part_of(name) not in BASE | {"store"})
        or name.split(".")[0] in NEVER_IN_THE_WEB
    ]
    assert not wrong, "\n".join(wrong)


def test_app_and_pages_use_services_and_neither_sql_nor_tensors():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in [*sources("app", "pages"), ROOT / "serve.py"]
        for line, name in imports(path)
        if name.split(".")[0] in NEVER_NAMED_BY_PAGES
        or (name.startswith("turn_core.") and part_of(name) not in APP_MAY_IMPORT)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_through_others():
    paths = {module_of(path): path for path in sources("turn_core")}
    graph = {
        module: {
            found
            for _, name in imports(path, top_level_only=True)
            if (found := name if name in paths else name.rpartition(".")[0]) in paths
            and found != module
        }
        for module, path in paths.items()
    }
    while leaves := {module for module, used in graph.items() if not used}:
        graph = {m: used - leaves for m, used in graph.items() if m not in leaves}
    in_cycles = {m for m in graph if any(m in graph[other] for other in graph)}
    assert not in_cycles, f"these modules import each other: {sorted(in_cycles)}"


def test_only_services_commit():
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(
            "turn_core/store", "turn_core/export", "turn_core/ingest", "app", "pages"
        )
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert not wrong, f"these commit, which is for services to do: {wrong}"


def test_web_process_and_worker_load_no_torch():
    entry = {"app.main"}  # runs a page when it is imported; its own imports are walked above
    modules = [
        module
        for path in sources("turn_core/services", "app")
        if (module := module_of(path)) not in entry
    ]
    modules += ["turn_core.cli", "turn_core.jobs.worker", "turn_core.jobs.run", "turn_core.launch"]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print(*sorted({NEVER_IN_THE_WEB!r} & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []


def test_command_line_starts_without_heavy_packages():
    code = "import sys, turn_core.cli\nprint(*sorted({'sqlalchemy', 'numpy'} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


@pytest.mark.parametrize("tree", [*TREES, "tests", "benchmarks"])
def test_files_are_short(tree):
    limit = MAX_PAGE_LINES if tree == "pages" else MAX_LINES
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(tree)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > limit
        and not any(part in str(path) for part in GENERATED)
    }
    assert not long, f"more than {limit} lines: {long}"


def test_entry_is_short():
    assert len((ROOT / "app/main.py").read_text(encoding="utf-8").splitlines()) <= MAX_PAGE_LINES


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ends at {node.end_lineno}"
        for path in sources(*TREES)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
        and not any(part in str(path) for part in GENERATED)
    ]
    assert not long, "\n".join(long)
