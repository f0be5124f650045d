"""The pages that are written from the code are up to date, and the hooks' examples work."""

from __future__ import annotations

import inspect
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import nas
from nas import hookspecs
from nas.plugins import KINDS, PluginFile, Plugins
from nas.testing import check_all, subjects

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SPECIFIED = {
    name: hook
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, f"{hookspecs.PROJECT}_spec")
}
OF_TOGETHER = (
    "nas_search_spaces",
    "nas_datasets",
    "nas_evaluators",
    "nas_strategies",
    "nas_objectives",
    "nas_study_started",
    "nas_trial_finished",
    "nas_front_changed",
    "nas_study_finished",
)


def example(hook: str, folder: Path, **changes: str) -> Path:
    """Write the example of a hook's page into a file, as the page says."""
    page = (DOCS / "hooks" / f"{hook}.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    name = re.match(r"# (\w+\.py)\n", block)
    assert name, f"{hook}: the first line of the example is the file's name"
    for old, new in changes.items():
        assert old in block
        block = block.replace(old, new)
    path = folder / name[1]
    path.write_text(block, encoding="utf-8")
    return path


@pytest.mark.parametrize("generator", ["hooks", "api"])
def test_generated_pages_are_up_to_date(generator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)  # as for a script that is started
    pages = runpy.run_path(str(DOCS / f"{generator}.py"))["pages"]()
    assert len(pages) > 10
    for page, text in pages.items():
        assert page.read_text(encoding="utf-8") == text, f"run `python docs/{generator}.py`"
    assert set((DOCS / generator).glob("*.md")) == set(pages), "a page of something that is gone"


def test_the_command_line_is_up_to_date() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert page == runpy.run_path(str(DOCS / "cli.py"))["render"](), "run `python docs/cli.py`"
    commands = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert {"nas", "nas search", "nas plugins check", "nas plot front"} <= set(commands)
    assert (
        max(map(len, "".join(re.findall(r"```text(.*?)```", page, re.DOTALL)).splitlines())) <= 100
    )


def test_the_command_line_is_what_help_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    from nas.cli.main import app

    monkeypatch.setenv("COLUMNS", "102")  # click leaves two columns free
    monkeypatch.setenv("NAS_DISABLE_PLUGINS", ",".join(e.name for e in Plugins().loaded))
    printed = CliRunner().invoke(app, ["plugins", "check", "--help"], prog_name="nas").output
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    shown = page.split("## nas plugins check\n\n```text\n")[1].split("```")[0]
    assert " ".join(shown.split()) == " ".join(printed.split())


def test_everything_public_is_in_the_reference() -> None:
    api = runpy.run_path(str(DOCS / "api.py"))
    documented = api["names"]()
    assert len(documented) == len(set(documented))
    public = {f"nas.{name}" for names in nas.PUBLIC.values() for name in names}
    assert public - set(documented) == set()
    modules = {module for _, modules in api["PAGES"].values() for module in modules}
    rules = runpy.run_path(str(ROOT / "tests/test_architecture_rules.py"))
    abstract = {name for name in rules["NAMES"] if name.startswith("nas.abstract.")}
    assert (rules["PUBLIC"] | abstract) - modules == {"nas"}


@pytest.mark.parametrize("hook", SPECIFIED)
def test_each_hook_has_its_signature(hook: str) -> None:
    page = (DOCS / "hooks" / f"{hook}.md").read_text(encoding="utf-8")
    arguments = [
        str(p).replace("'", "") for p in inspect.signature(SPECIFIED[hook]).parameters.values()
    ]
    assert f"\ndef {hook}({', '.join(arguments)})" in page
    for name in inspect.signature(SPECIFIED[hook]).parameters:
        assert re.search(rf"^\| `{name}` \| \[?`[\w.\[\]]+`.* \| \w", page, re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_keeps_the_laws(kind: str, tmp_path: Path) -> None:
    file = PluginFile.read(example(KINDS[kind], tmp_path))
    (subject,) = subjects(Plugins([file]), file.name)
    outcomes = list(check_all(subject))
    assert [o.text for o in outcomes if o.verdict == "broken"] == []
    assert sum(o.verdict == "kept" for o in outcomes) >= 4


def test_the_examples_search_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [example(hook, tmp_path) for hook in OF_TOGETHER]
    result = nas.search(search("depth"), tmp_path / "a.db", plugins=files)
    front = [trial.number for trial in result.front]
    assert len(result.trials) == 6
    told = json.loads((tmp_path / "a.db.front.json").read_text())
    assert told == {"study": "together", "front": sorted(front)}
    heard = capsys.readouterr().err
    assert "together, seed 3: error, depth" in heard
    assert "\atogether has ended: " in heard
    assert not (tmp_path / "a.db.failures").exists()


def test_the_example_that_notes_failures(tmp_path: Path) -> None:
    changed = {'["ReLU", "Tanh"]': '["ReLU", "NoSuchLayer"]'}
    files = [example(hook, tmp_path) for hook in OF_TOGETHER[1:]]
    files.append(example("nas_search_spaces", tmp_path, **changed))
    nas.search(search("error"), tmp_path / "a.db", plugins=files)
    with nas.Archive(tmp_path / "a.db") as archive:
        failed = [t for t in archive.trials("together") if t.status is nas.Status.FAILED]
    noted = (tmp_path / "a.db.failures").read_text().splitlines()
    assert [line.split()[0] for line in noted] == [str(trial.id) for trial in failed]
    assert "NoSuchLayer" in noted[0]


def search(second: str) -> dict[str, Any]:
    """Return a search that needs the examples' components alone."""
    return {
        "study": "together",
        "seed": 3,
        "objectives": list(dict.fromkeys(["error", second])),
        "space": "one_hidden",
        "data": "wine",
        "evaluator": "readout",
        "strategy": "climber",
        "stop": {"trials": 6},
        "run": {"executor": "inline"},
    }


def test_the_example_that_adds_a_command(tmp_path: Path) -> None:
    files = [example(hook, tmp_path) for hook in OF_TOGETHER[:5]]
    nas.search(search("depth"), tmp_path / "a.db", plugins=files)
    module = PluginFile.read(example("nas_commands", tmp_path)).load()
    cli = typer.Typer()
    module.nas_commands(cli)
    done = CliRunner().invoke(cli, ["--archive", str(tmp_path / "a.db")])
    assert (done.exit_code, done.output) == (0, "together\n")
