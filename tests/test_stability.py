"""The promise of docs/stability.md is made for exactly what the code says is public."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import typer

import nas
import nas.testing
from nas import hookspecs
from nas.cli.main import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")


def listed(section: str) -> list[str]:
    """Return what a section names in its list, in order."""
    part = PAGE.split(f"\n### {section}\n")[1]
    part = re.split(r"^#", part, maxsplit=1, flags=re.MULTILINE)[0]
    (names,) = re.findall(r"^`[^\n]*`(?:\n`[^\n]*`)*$", part, re.MULTILINE)
    found = re.findall(r"`([^`]+)`", names)
    assert len(found) == len(set(found))
    return found


def commands() -> set[str]:
    group = typer.main.get_command(app)
    found = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", {})
        found |= {f"nas {name}", *(f"nas {name} {part}" for part in below)}
        if below and not command.invoke_without_command:
            found.remove(f"nas {name}")
    return found


def test_names_of_nas() -> None:
    names = {name for names in nas.PUBLIC.values() for name in names}
    assert set(listed("Names of `nas`")) == names
    for name in names:
        assert hasattr(nas, name)


def test_modules_that_plugins_may_import() -> None:
    rules = runpy.run_path(str(ROOT / "tests" / "test_architecture_rules.py"))
    assert set(listed("Modules")) == rules["PUBLIC"]


def test_names_of_the_conformance_suite() -> None:
    assert set(listed("`nas.testing`")) == set(nas.testing.__all__)


def test_hooks() -> None:
    mark = f"{hookspecs.PROJECT}_spec"
    hooks = {name for name, hook in vars(hookspecs).items() if hasattr(hook, mark)}
    assert set(listed("Hooks")) == hooks


def test_commands() -> None:
    assert set(listed("Commands")) == commands()


def test_environment_variables() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("nas", "plugins", "search_spaces")
        for path in (ROOT / folder).rglob("*.py")
    )
    known = set(re.findall(r"\bNAS_[A-Z_]+\b", code))
    assert set(re.findall(r"`(NAS_[A-Z_]+)`", PAGE)) == known


@pytest.mark.parametrize("section", ["Names of `nas`", "Modules", "Hooks", "Commands"])
def test_lists_are_in_order(section: str) -> None:
    found = listed(section)
    assert found == sorted(found, key=str.casefold)
