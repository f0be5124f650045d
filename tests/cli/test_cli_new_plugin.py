"""``nas new-plugin``: what it writes is built, installed, checked and searched with, untouched."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nas.cli.main import main
from nas.scaffold.kinds import KINDS

ROOT = Path(__file__).parents[2]
EVERYTHING = "everything"
MADE = (*KINDS, EVERYTHING)
Nas = Callable[..., Any]

SESSION = """
import io, json, os, sys
from nas.cli.main import main
done = []
for folder, words in json.load(sys.stdin):
    os.chdir(folder)
    sys.argv = ["nas", *words]
    sys.stdout = io.StringIO()
    code = main()
    done.append([code, sys.stdout.getvalue()])
sys.stdout = sys.__stdout__
json.dump(done, sys.stdout)
"""
"""Many commands after each other: torch is imported once."""


@dataclass(frozen=True)
class Workshop:
    """New plugins, one a kind and one with all kinds, and a folder into which they are installed.

    Args:
        folder: holds a folder each.
        site: where they are installed; the environment itself stays as it is.
    """

    folder: Path
    site: Path

    def of(self, made: str) -> Path:
        return self.folder / f"nas-made-{made}"

    def python(
        self, *words: str, cwd: Path, text: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, (str(self.site), os.environ.get("PYTHONPATH", ""))))
        return subprocess.run(
            [sys.executable, *words],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": path, **environment},
            input=text,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def pip(self, *words: str) -> None:
        done = self.python("-m", "pip", "--quiet", "--no-input", *words, cwd=self.folder)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder, site = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("site")
    shop = Workshop(folder, site)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for made in MADE:
            kinds = KINDS if made == EVERYTHING else [made]
            options = [word for kind in kinds for word in ("--kind", kind)]
            patch.setattr(sys, "argv", ["nas", "new-plugin", f"nas-made-{made}", *options])
            assert main() == 0
    wheels = tmp_path_factory.mktemp("wheels")
    sources = [str(shop.of(made)) for made in MADE]
    shop.pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), *sources)
    built = [str(wheel) for wheel in sorted(wheels.iterdir())]
    shop.pip("install", "--no-deps", "--no-index", "--target", str(site), *built)
    return shop


def test_they_are_listed_without_an_error(workshop: Workshop) -> None:
    done = workshop.python("-m", "nas", "plugins", "--json", cwd=workshop.folder)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    plugins = {plugin["name"]: plugin for plugin in listed["plugins"]}
    for made in MADE:
        assert plugins[f"made_{made}"]["error"] is None
        assert plugins[f"made_{made}"]["distribution"] == f"nas-made-{made}"
    offered = {c["kind"] for c in listed["components"] if c["plugin"] == f"made_{EVERYTHING}"}
    assert offered == set(KINDS)


def test_installed_names_are_taken_but_for_a_plugin_itself(
    workshop: Workshop, tmp_path: Path
) -> None:
    words = ("-m", "nas", "new-plugin", "--kind", "proxy")
    again = workshop.python(*words, "nas-made-proxy", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    other = workshop.python(*words, "made-proxy", cwd=tmp_path)
    assert other.returncode == 2
    assert "the plugin 'made_proxy', which nas-made-proxy has" in other.stderr


def readme_commands(folder: Path) -> Iterator[list[str]]:
    """Yield the words of each ``nas`` command in a plugin's README, in order."""
    text = (folder / "README.md").read_text()
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] == "nas":
                yield words[1:]


Said = Mapping[str, Sequence[tuple[list[str], int, str]]]


@pytest.fixture(scope="module")
def said(workshop: Workshop) -> Said:
    """Return, by plugin, what the commands of its README have ended with and said.

    All plugins have a test that lists them, and those of one kind have their own tests for a check.
    """
    commands = [
        (made, words)
        for made in MADE
        for words in readme_commands(workshop.of(made))
        if words != ["plugins"] and (words[:2] != ["plugins", "check"] or made == EVERYTHING)
    ]
    session = json.dumps([[str(workshop.of(made)), words] for made, words in commands])
    done = workshop.python("-c", SESSION, cwd=workshop.folder, text=session)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[tuple[list[str], int, str]]] = {made: [] for made in MADE}
    for (made, words), (code, out) in zip(commands, json.loads(done.stdout), strict=True):
        found[made].append((words, code, out))
    return found


@pytest.mark.parametrize("made", MADE)
def test_the_commands_of_its_readme_work(said: Said, made: str) -> None:
    assert ["search", "search.toml"] in [words for words, _, _ in said[made]]
    for words, code, out in said[made]:
        assert code == 0, (words, out)


def test_all_kinds_conform(said: Said) -> None:
    (check,) = (out for words, _, out in said[EVERYTHING] if words[:2] == ["plugins", "check"])
    assert f"{len(KINDS)} of {len(KINDS)} components conform." in check


@pytest.mark.parametrize("made", MADE)
def test_its_search_uses_what_it_offers(said: Said, workshop: Workshop, made: str) -> None:
    folder = workshop.of(made)
    archive = sqlite3.connect(folder / "nas.db")
    used = archive.execute("SELECT role, name, distribution, version FROM components").fetchall()
    own = {role: name for role, name, source, _ in used if source == f"nas-made-{made}"}
    kinds = set(KINDS if made == EVERYTHING else [made]) - {"exporter"}
    assert own == {_role(kind): f"made_{made}:{KINDS[kind].component}" for kind in kinds}
    ended = dict(archive.execute("SELECT status, count(*) FROM trials GROUP BY 1").fetchall())
    assert sum(ended.values()) == 16
    assert set(ended) <= {"complete", "stopped"}
    assert ("stopped" in ended) == ("scheduler" in kinds)
    scorers = {scorer for (scorer,) in archive.execute("SELECT DISTINCT scorer FROM scores")}
    assert scorers >= {f"{k}:{own[k]}" for k in kinds & {"proxy", "predictor"}}
    if "strategy" in kinds:
        assert archive.execute("SELECT count(*) FROM parents").fetchone()[0] > 0
    if made in ("exporter", EVERYTHING):
        assert (folder / "network.npz").stat().st_size > 0


def _role(kind: str) -> str:
    return kind


def test_their_own_tests_pass(workshop: Workshop) -> None:
    quiet = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    singles = [str(workshop.of(kind)) for kind in KINDS]
    done = workshop.python(*quiet, "--import-mode=importlib", *singles, cwd=workshop.folder)
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 60
    # where it stands, with its own settings; `nas plugins check` has tried all laws on these nine
    some = workshop.python(*quiet, "-k", "says-what-it-is", cwd=workshop.of(EVERYTHING))
    assert re.search(rf"\b{len(KINDS) + 1} passed", some.stdout), some.stdout


def test_types_and_style(workshop: Workshop) -> None:
    everything = workshop.of(EVERYTHING)
    # Torch alone takes mypy half a minute; with all, our own run has checked the same modules.
    config = workshop.folder / "quick.toml"
    skipped = 'module = ["torch.*", "nas.archive.*", "nas.engine.*"]\nfollow_imports = "skip"\n'
    own = (everything / "pyproject.toml").read_text()
    config.write_text(f"{own}[[tool.mypy.overrides]]\n{skipped}")
    typed = workshop.python("-m", "mypy", "--config-file", str(config), cwd=everything)
    assert typed.returncode == 0, typed.stdout
    assert f"no issues found in {len(KINDS) + 1} source files" in typed.stdout
    for words in (["check"], ["format", "--check"]):
        done = workshop.python("-m", "ruff", *words, "--no-cache", ".", cwd=workshop.folder)
        assert done.returncode == 0, done.stdout
    for kind in KINDS:
        name = f"{KINDS[kind].component}.py"
        source = (ROOT / "nas/scaffold/examples" / name).read_text()
        for folder in (workshop.of(kind), everything):
            (copy,) = folder.glob(f"*/{name}")
            assert copy.read_text() == source


@pytest.mark.slow_fault
def test_on_ray_too(workshop: Workshop, tmp_path: Path) -> None:
    config = workshop.of(EVERYTHING) / "search.toml"
    words = ["search", str(config), "--set", "run.executor=ray", "--set", "run.workers=1"]
    done = workshop.python("-m", "nas", *words, "--set", "stop.trials=4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    trials = sqlite3.connect(tmp_path / "nas.db").execute("SELECT status FROM trials").fetchall()
    assert len(trials) == 4
    assert {status for (status,) in trials} <= {"complete", "stopped"}


def test_the_wheel_holds_the_package_and_the_licence(workshop: Workshop) -> None:
    package = workshop.site / "nas_made_proxy"
    assert {"__init__.py", "first_step.py", "py.typed"} <= {p.name for p in package.iterdir()}
    (about,) = workshop.site.glob("nas_made_proxy-*.dist-info")
    assert "Apache License" in (about / "licenses" / "LICENSE").read_text()
    metadata = (about / "METADATA").read_text()
    assert "License-Expression: Apache-2.0" in metadata
    assert re.search(r"Requires-Dist: plugnas<0\.2,>=0\.1", metadata)


class TestWhatItSays:
    def test_files_and_the_next_three_commands(self, nas: Nas, tmp_path: Path) -> None:
        done = nas("new-plugin", "my-proxy", "--kind", "proxy")
        assert done.code == 0
        assert done.err == ""
        written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
        assert written <= set(done.out.splitlines())
        following = done.out.split("explains\n")[1].splitlines()
        assert [line.strip() for line in following] == [
            "cd my-proxy && pip install -e '.[test]'",
            "python -m pytest",
            "nas search search.toml",
        ]
        assert (tmp_path / "my-proxy/tests/test_conformance.py").read_text().count("\n") == 2

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_readme_names_the_class_to_derive_from(
        self, nas: Nas, tmp_path: Path, kind: str
    ) -> None:
        assert nas("new-plugin", "p", "--kind", kind).code == 0
        (module,) = re.findall(r"python -m pydoc ([\w.]+)", (tmp_path / "p/README.md").read_text())
        base = importlib.import_module(module)
        assert any(kind == name.lower() for name in vars(base))

    def test_as_json(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "here").mkdir()
        done = nas(
            "new-plugin", "Nas.Two", "--kind", "space", "--kind", "proxy", "-o", "here", "--json"
        )
        said = json.loads(done.out)
        assert said["folder"] == "here"
        assert said["package"] == "nas_two"
        assert [c["full_name"] for c in said["components"]] == ["two:dense_chain", "two:first_step"]
        for file in said["files"]:
            assert (tmp_path / "here" / file).is_file()

    @pytest.mark.parametrize(
        ("licence", "line"),
        [
            ("mit", "MIT License"),
            ("BSD-3-Clause", "3. Neither the name of the copyright holder"),
            ("Apache-2.0", "END OF TERMS AND CONDITIONS"),
        ],
    )
    def test_licence_and_author(self, nas: Nas, tmp_path: Path, licence: str, line: str) -> None:
        author = 'Ada "the \\ first" L. <ada@example.org>'
        options = ("--licence", licence, "--author", author)
        assert nas("new-plugin", "p", "--kind", "objective", *options).code == 0
        text = (tmp_path / "p/LICENSE").read_text()
        assert line in text
        assert ("Ada" in text) == (licence != "Apache-2.0")
        assert "$" not in text
        project = tomllib.loads((tmp_path / "p/pyproject.toml").read_text())["project"]
        named = {"name": 'Ada "the \\ first" L.', "email": "ada@example.org"}
        assert project["authors"] == [named]
        assert project["license"].casefold() == licence.casefold()

    def test_no_licence(self, nas: Nas, tmp_path: Path) -> None:
        assert nas("new-plugin", "p", "--kind", "dataset", "--licence", "none").code == 0
        assert not (tmp_path / "p/LICENSE").exists()
        project = tomllib.loads((tmp_path / "p/pyproject.toml").read_text())["project"]
        assert "license" not in project

    def test_here_in_a_new_repository(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        done = nas("new-plugin", "p", "--kind", "exporter", "--folder", ".")
        assert done.code == 0
        assert "\n  pip install -e '.[test]'\n" in done.out


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("my proxy!", "'my proxy!' is no name of a distribution.* Did you mean 'my-proxy'"),
            ("a/b", "Did you mean 'a-b'"),
            ("-x", "Did you mean 'x'"),
            ("ä", "Did you mean 'nas-plugin'"),
            ("2fast", "imported as '2fast', which Python cannot. Did you mean 'nas-2fast'"),
            ("class", "Did you mean 'nas-class'"),
            ("a" * 51, "has 51 characters; at most 50"),
            ("nas-cells", "the plugin 'cells', which plugnas has. Did you mean 'nas-my-cells'"),
            ("cells", "the plugin 'cells', which plugnas has. Did you mean 'nas-my-cells'"),
            ("plugnas", "'plugnas' is installed already"),
            ("nas", "would hide the package 'nas'"),
            ("torch", "'torch' is installed already. Did you mean 'nas-my-torch'"),
            ("random", "would hide the package 'random'"),
        ],
    )
    def test_name(self, nas: Nas, tmp_path: Path, name: str, said: str) -> None:
        done = nas("new-plugin", "--kind", "proxy", "--", name)
        assert done.code == 2
        assert re.search(said, done.err), done.err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--kind", "proxies"], "--kind 'proxies': .*Did you mean 'proxy'"),
            (["--kind", "proxy", "--kind", "curve_prior"], "no kind of that name"),
            ([], "--kind is missing: one or more of space, proxy"),
            (["--kind", "proxy", "--licence", "BSD"], "Did you mean 'BSD-3-Clause'"),
            (["--kind", "proxy", "--author", "Ada <nowhere>"], "--author 'Ada <nowhere>'"),
        ],
    )
    def test_option(self, nas: Nas, tmp_path: Path, words: list[str], said: str) -> None:
        done = nas("new-plugin", "p", *words)
        assert done.code == 2
        assert re.search(said, done.err), done.err
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_holds_something(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "p").mkdir()
        (tmp_path / "p" / "thesis.tex").write_text("")
        done = nas("new-plugin", "p", "--kind", "proxy")
        assert done.code == 2
        assert "folder 'p' is not empty: it holds thesis.tex" in done.err
        (tmp_path / "q").write_text("")
        done = nas("new-plugin", "p", "--kind", "proxy", "-o", "q")
        assert done.code == 2
        assert "'q' is a file" in done.err
        assert [p.name for p in (tmp_path / "p").iterdir()] == ["thesis.tex"]


def test_the_guide_has_every_example() -> None:
    page = (ROOT / "docs/new-plugin.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`: (.*) \|$", page, re.MULTILINE)
    assert rows == [(kind.name, kind.component, kind.summary) for kind in KINDS.values()]
