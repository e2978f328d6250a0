"""The names a module promises in `__all__` are exactly those it exports."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def _assigns_all(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _required(module: ModuleType) -> set[str]:
    """Public names of ours: in a package all that it holds, in a module what it defines."""
    is_package = hasattr(module, "__path__")
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and _is_ours(getattr(value, "__module__", None), module, is_package=is_package)
    }


def _is_ours(origin: str | None, module: ModuleType, *, is_package: bool) -> bool:
    if is_package:  # a constant has no origin; nobody but us writes one into our package
        return origin is None or origin.split(".")[0] == "turn_core"
    return origin == module.__name__


def test_public_names__all_lists_what_is_exported():
    for path in (ROOT / "turn_core").rglob("*.py"):
        if _assigns_all(path):
            module = importlib.import_module(_module_name(path))
            promised = set(module.__all__)
            assert len(promised) == len(module.__all__), f"{module.__name__} lists a name twice"
            assert promised <= set(vars(module)), f"{module.__name__} promises what it lacks"
            assert _required(module) <= promised, f"{module.__name__} leaves a name out"
            if hasattr(module, "__path__"):
                assert promised == _required(module), module.__name__


def test_public_names__names_of_others_are_no_promise():
    module = ModuleType("turn_core.made_up")
    code = "import ast\nfrom pathlib import Path\n_hidden = 1\nclass Ours: ...\n"
    exec(code, module.__dict__)
    assert _required(module) == {"Ours"}

    module.__path__ = []
    module.CONSTANT = 1
    assert _required(module) == {"Ours", "CONSTANT"}


def test_public_names__finds_an_all_in_any_form(tmp_path):
    for text, expected in (("__all__ = []", True), ("__all__: list = []", True), ("x = 1", False)):
        path = tmp_path / "module.py"
        path.write_text(text)
        assert _assigns_all(path) is expected
