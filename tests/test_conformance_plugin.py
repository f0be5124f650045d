"""The suite as plugin authors meet it: through pytest, from the command line, without either."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nas
from nas.plugins import PluginFile, Plugins
from nas.testing import check_all, laws_of, subjects

ROOT = Path(__file__).parents[1]
BROKEN = Path(__file__).parent / "conformance" / "broken_objective.py"
SUITE = "def test_conformance(component, check):\n    check(component)\n"
GOOD = """
import nas


class Accuracy(nas.ReportedObjective):
    metric = "accuracy"
    direction = "maximize"


@nas.hookimpl
def nas_objectives():
    return [nas.Component("mine", Accuracy, "share of samples that are classified right")]
"""
WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pytest", "_pytest", "hypothesis"}:
            raise ImportError(f"{name} is not installed")

sys.meta_path.insert(0, Absent())
"""


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def suite(folder: Path, options: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_mine.py").write_text(SUITE)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "my-project"\nversion = "1"\n[tool.pytest.ini_options]\n{options}'
    )
    return run("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, folder=folder)


class TestPytest:
    def test_two_lines_check_a_plugin_law_by_law(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(GOOD)
        done = suite(tmp_path, 'nas_plugins = ["mine.py"]', "-vv")
        assert done.returncode == 0, done.stdout
        for law in laws_of("objective"):
            assert f"test_conformance[objective-mine-{law.name}]" in done.stdout
        assert "it is not analytic" in suite(tmp_path, 'nas_plugins = ["mine.py"]', "-rs").stdout

    def test_what_is_broken_is_said_without_a_traceback(self, tmp_path: Path) -> None:
        options = f'nas_plugins = ["{BROKEN.as_posix()}"]'
        done = suite(tmp_path, options, "-k", "an-estimate-is-a-number")
        assert done.returncode == 1, done.stdout
        assert "breaks the law 'an-estimate-is-a-number'" in done.stdout
        assert 'smallest example: {"width_1":4,"layers":2,"width_2":4}' in done.stdout
        assert "docs/conformance.md#objective-an-estimate-is-a-number" in done.stdout
        assert "Traceback" not in done.stdout
        assert "1 failed" in done.stdout

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ("", "the distribution 'my-project' has no plugin installed"),
            ('nas_plugins = ["proxys"]', "Did you mean 'proxies'"),
            ('nas_plugins = ["absent.py"]', "'absent.py' cannot be read"),
        ],
    )
    def test_what_cannot_be_found_is_named(
        self, tmp_path: Path, options: str, complaint: str
    ) -> None:
        done = suite(tmp_path, options)
        assert done.returncode == 2
        text = " ".join(done.stdout.split())
        assert complaint in text.replace(f"{tmp_path}/", ""), done.stdout

    def test_other_people_s_fixtures_of_these_names_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "test_theirs.py").write_text(
            "import pytest\n\n@pytest.fixture\ndef component(): return 1\n\n"
            "@pytest.fixture\ndef check(): return 2\n\n"
            "def test_theirs(component, check): assert component + check == 3\n"
        )
        done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=tmp_path)
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout


class TestCommands:
    def test_check_tells_how_each_law_went(self, tmp_path: Path) -> None:
        done = run("-m", "nas", "plugins", "check", "objectives:error", "-v", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "✓ objective objectives:error: 4 of 4 laws, 4 do not apply" in done.stdout
        assert "- measuring-leaves-no-trace: it is not measured" in done.stdout
        assert "1 of 1 components conform." in done.stdout

    def test_check_needs_neither_pytest_nor_hypothesis(self, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text(WITHOUT)
        command = ["-m", "nas", "plugins", "check", "--plugin", str(BROKEN), "broken_objective"]
        done = run(*command, "--json", folder=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 1, done.stderr
        found = [law for law in json.loads(done.stdout)["laws"] if law["verdict"] == "broken"]
        assert all(law["component"] == f"broken_objective:{law['law']}" for law in found)
        assert len(found) == 5
        (estimate,) = (law for law in found if law["law"] == "an-estimate-is-a-number")
        assert '"layers":2' in estimate["text"]

    def test_an_unknown_name_is_an_error_with_the_nearest(self, tmp_path: Path) -> None:
        done = run("-m", "nas", "plugins", "check", "proxys", folder=tmp_path)
        assert done.returncode == 2
        assert "Did you mean 'proxies'?" in done.stderr

    def test_show_says_what_a_plugin_is(self, tmp_path: Path) -> None:
        done = run("-m", "nas", "plugins", "show", "cells", "--json", folder=tmp_path)
        shown = json.loads(done.stdout)
        (plugin,) = shown["plugins"]
        assert plugin["distribution"] == "plugnas"
        assert plugin["version"] == nas.__version__
        assert plugin["hooks"] == ["nas_search_spaces"]
        (component,) = shown["components"]
        parameters = {p["name"]: (p["type"], p["default"]) for p in component["parameters"]}
        assert parameters["cells"] == ("int", "5")
        assert "arXiv:2001.00326" in component["reference"]
        people = run("-m", "nas", "plugins", "show", "cells", folder=tmp_path).stdout
        assert "tuple[int, ...]" in people
        assert "(3, 32, 32)" in people

    def test_files_may_be_named_before_the_command(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(GOOD)
        command = ["-m", "nas", "plugins", "--plugin", "mine.py", "show", "mine"]
        done = run(*command, folder=tmp_path)
        assert "objective mine:mine" in done.stdout, done.stderr


class TestSubjects:
    def test_a_plugin_that_cannot_be_loaded_says_why(self) -> None:
        plugins = Plugins()
        plugins.loaded.append(type(plugins.loaded[0])("mine", "my-project", "1", (), "it is ill"))
        with pytest.raises(nas.ComponentError, match="it is ill"):
            subjects(plugins, "mine")

    def test_a_component_that_cannot_be_built_is_said_once(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        file.write_text(
            GOOD.replace('direction = "maximize"', "def __init__(self, path): self.path = path")
        )
        plugins = Plugins([PluginFile.read(file)])
        (subject,) = subjects(plugins, "mine")
        verdicts = {o.law.name: o for o in check_all(subject)}
        broken = [name for name, o in verdicts.items() if o.verdict == "broken"]
        assert broken == ["builds-from-its-example"]
        assert "'path'" in verdicts[broken[0]].text
        assert "example" in verdicts[broken[0]].text

    def test_an_example_may_write_files(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        file.write_text(
            GOOD.replace(
                'direction = "maximize"',
                "def __init__(self, path):\n        assert path.read_text() == 'a file'",
            ).replace(
                'classified right")',
                'classified right", example=example)',
            )
            + "\n\ndef example(folder):\n    (folder / 'a').write_text('a file')\n"
            "    return {'path': folder / 'a'}\n"
        )
        (subject,) = subjects(Plugins([PluginFile.read(file)]), "mine")
        assert "broken" not in {o.verdict for o in check_all(subject)}


def test_the_page_of_laws_is_written_anew() -> None:
    import runpy

    page = ROOT / "docs" / "conformance.py"
    written = page.with_suffix(".md").read_text(encoding="utf-8")
    rendered = runpy.run_path(str(page))["render"]()
    assert rendered.strip() == written.strip(), "run python docs/conformance.py"
