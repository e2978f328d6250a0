"""The documentation names everything there is, with its true default, and its commands work."""

import argparse
import dataclasses
import inspect
import re
from pathlib import Path

import pytest

from turn_core import cli, compare_config, config, errors

ROOT = Path(__file__).parents[1]
DOCS = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))}
README = ROOT / "README.md"
PAGES = DOCS | ({README: README.read_text(encoding="utf-8")} if README.exists() else {})
TEXT = "\n".join(PAGES.values())
CODE = set(re.findall(r"`([^`\n]+)`", TEXT))
COMMANDS = next(
    action.choices
    for action in cli.parser()._actions
    if isinstance(action, argparse._SubParsersAction)
)
SHELL = re.compile(r"\$?\s*(?:\w+=\S+ )*(make|\S*python -m turn_core) (\S+)")
SECTIONS = {
    "": config.TurnConfig,
    "probe.": config.ProbeConfig,
    "cleansing.": config.CleansingConfig,
    "finetune.": config.FinetuneConfig,
    "explore.": config.ExploreConfig,
    "noise.": config.NoiseConfig,
    "what_if.": config.WhatIfConfig,
    "compare.": compare_config.CompareConfig,
    "search.": config.SearchConfig,
}


def documented_default(name):
    """The second cell of the row that begins with `name` in configuration.md."""
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{re.escape(name)}` \| `([^`]*)` \|", page, re.MULTILINE)
    return row and row[1]


def plain(value):
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    return str(value).lower() if isinstance(value, bool) or value is None else f"{value}"


def run_settings():
    """(name, default) of every setting of a run."""
    for prefix, kind in SECTIONS.items():
        for field in dataclasses.fields(kind):
            if field.default is not dataclasses.MISSING:  # others are sections of their own
                yield prefix + field.name, field.default


@pytest.mark.parametrize(("name", "default"), list(run_settings()))
def test_setting_of_a_run_is_documented_with_its_default(name, default):
    found = documented_default(name)
    assert found is not None, f"docs/configuration.md has no row for `{name}`"
    same = float(found) == default if isinstance(default, float) else found == plain(default)
    assert same, f"docs/configuration.md says {found}, the code {default}"


@pytest.mark.parametrize("field", dataclasses.fields(config.IngestLimits), ids=lambda f: f.name)
def test_limit_is_documented_with_its_default(field):
    assert documented_default(field.name) == plain(field.default)


@pytest.mark.parametrize("field", dataclasses.fields(config.Settings), ids=lambda f: f.name)
def test_setting_of_the_installation_is_documented(field):
    assert field.name in CODE or field.name == "limits"


def test_variables_that_the_code_reads_are_documented():
    sources = [*(ROOT / "turn_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")]
    read = {
        name
        for path in sources
        for name in re.findall(r"[\"'](TURN_[A-Z_]+)[\"']", path.read_text(encoding="utf-8"))
    }
    assert {name for name in read if name not in CODE} == set()


def glossary_rows():
    """Cells of every row of the glossary: word, in the code, what it is, words to avoid."""
    lines = DOCS[ROOT / "docs/glossary.md"].splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if len(row) == 4 and row[1].startswith("`")]


def test_settings_use_the_words_of_the_glossary():
    names = {name.rpartition(".")[2] for name, _ in run_settings()}
    avoided = {word for row in glossary_rows() for word in re.findall(r"\w+", row[3])}
    own = {word for row in glossary_rows() for word in re.findall(r"`(\w+)`", row[1])}
    assert "encoder" in avoided
    assert names & avoided - own == set()


def test_settings_that_the_glossary_names_exist():
    settings = {name for name, _ in run_settings()}
    named = {code for row in glossary_rows() for code in re.findall(r"`(\w+\.\w+)`", row[1])}
    assert "cleansing.threshold" in named
    assert named <= settings


@pytest.mark.parametrize("command", COMMANDS)
def test_command_and_its_options_are_documented(command):
    assert any(code.split()[0] == command for code in CODE), f"no page has `{command}`"
    options = {
        option
        for action in COMMANDS[command]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    told = {code.split()[0] for code in CODE if code.startswith("--")}
    assert options <= told, f"no page has {options - told}"


def test_every_error_is_documented():
    classes = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.TurnError)
    }
    assert {name for name in classes if name not in CODE} == set()


def test_every_page_of_the_app_is_documented():
    for path in (ROOT / "pages").glob("*.py"):
        title = path.stem.replace("_", " ")
        assert re.search(rf"\*\*{title}\*\*", TEXT, re.IGNORECASE), f"no page names **{title}**"


def test_links_between_pages_lead_somewhere():
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def shell_lines():
    for page, text in PAGES.items():
        for block in re.findall(r"```(?:bash|sh|shell|console)?\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                if match := SHELL.match(line):
                    program = match[1].rpartition("/")[2]
                    yield pytest.param(program, match[2], id=f"{page.name}: {line.strip()}")


@pytest.mark.parametrize(("program", "target"), list(shell_lines()))
def test_commands_in_the_pages_exist(program, target):
    if program == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"no target {target}"
    else:
        assert target in COMMANDS or target == "--version"
