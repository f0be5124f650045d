"""The documentation is true: its snippets run; its commands, hooks, keys and links exist."""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from guides import is_guide
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from nas import config, hookspecs
from nas.benchmark import config as benchmarking
from nas.hyper.ranges import Range
from nas.plugins import PluginFile, Plugins

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "examples").glob("*/README.md"))
SNIPPETS = [page for page in PAGES if not is_guide(page)]  # those are followed in test_guides.py
INSTALL_AND_SEARCH = "pip install -c constraints.txt . && nas search examples/digits.toml"
INSTALL_AND_TEST = "pip install -c constraints.txt -e '.[test]' && python -m pytest"


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """Yield line number and content of each fenced block of a language."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield text[: match.start()].count("\n") + 2, match[1]


def title(value: object) -> str:
    return value.relative_to(ROOT).as_posix() if isinstance(value, Path) else ""


def commands() -> Iterator[str]:
    for page in PAGES:
        for line, block in blocks(page, "console"):
            for offset, typed in enumerate(block.splitlines()):
                for command in map(str.strip, typed.split("&&")):
                    if command.startswith("nas "):
                        yield f"{title(page)}:{line + offset} {command}"


class TestSnippets:
    """A page's snippets run in order and share their names, as a reader would type them."""

    @pytest.mark.parametrize("page", [p for p in SNIPPETS if any(blocks(p, "python"))], ids=title)
    def test_they_run(self, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "examples").symlink_to(ROOT / "examples")
        names: dict[str, object] = {"__name__": "snippet"}
        for line, block in blocks(page, "python"):
            if file := re.match(r"# (\w+\.py)\n", block):
                (tmp_path / file[1]).write_text(block)
            code = compile("\n" * (line - 1) + block, str(page), "exec", dont_inherit=True)
            exec(code, names)

    @pytest.mark.parametrize("page", PAGES, ids=title)
    def test_files_that_are_plugins_work(self, page: Path, tmp_path: Path) -> None:
        for _, block in blocks(page, "python"):
            if file := re.match(r"# (\w+\.py)\n", block):
                (tmp_path / file[1]).write_text(block)
                plugins = Plugins([PluginFile.read(tmp_path / file[1])])
                assert plugins.loaded[-1].name == file[1].removesuffix(".py")
                assert plugins.loaded[-1].hooks

    @pytest.mark.parametrize("page", PAGES, ids=title)
    def test_configs_are_valid(self, page: Path, tmp_path: Path) -> None:
        for _, block in blocks(page, "toml"):
            if "[[strategies]]" in block:
                (tmp_path / "benchmark.toml").write_text(block)
                benchmarking.load_benchmark(tmp_path / "benchmark.toml", Plugins())
            elif "study" in block:
                (tmp_path / "config.toml").write_text(block)
                config.Config.load(tmp_path / "config.toml")

    @pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.toml")), ids=title)
    def test_example_configs_are_valid(self, path: Path) -> None:
        if path.name == "benchmark.toml":
            benchmarking.load_benchmark(path, Plugins())
        elif path.name != "pyproject.toml":
            config.Config.load(path)


class TestCommands:
    @pytest.mark.parametrize("command", list(commands()))
    def test_it_parses(self, command: str) -> None:
        from nas.cli.main import app

        _, _, *words = shlex.split(command)
        group = typer.main.get_command(app)
        context = group.make_context("nas", words, resilient_parsing=False)
        name, chosen, rest = group.resolve_command(context, words)
        if "--help" not in rest:
            chosen.make_context(name, list(rest), parent=context)

    def test_the_two_commands_of_the_readme(self) -> None:
        lines = [
            line
            for _, block in blocks(ROOT / "README.md", "console")
            for line in block.splitlines()
        ]
        assert INSTALL_AND_SEARCH in lines
        assert INSTALL_AND_TEST in lines

    def test_ci_runs_the_second(self) -> None:
        assert INSTALL_AND_TEST in (ROOT / ".ci" / "run").read_text().splitlines()


class TestHooks:
    def test_each_with_exactly_its_arguments(self) -> None:
        page = (ROOT / "docs/plugins.md").read_text()
        documented = dict(re.findall(r"^### `(nas_\w+)\((.*)\)`$", page, re.MULTILINE))
        specified = {
            name: ", ".join(inspect.signature(hook).parameters)
            for name, hook in vars(hookspecs).items()
            if hasattr(hook, f"{hookspecs.PROJECT}_spec")
        }
        assert len(specified) > 10
        assert specified == documented


class TestConfigKeys:
    @pytest.mark.parametrize(
        ("section", "model"),
        [
            ("The top", config.Config),
            ("A component", config.Named),
            ("An objective", config.ObjectiveConfig),
            ("`[hyper]`", Range),
            ("`[scheduler]`", config.SchedulerConfig),
            ("`[filter]`", config.FilterConfig),
            ("`[filter.warmup]`", config.WarmupConfig),
            ("`[warm_start]`", config.WarmStartConfig),
            ("`[stop]`", config.StopConfig),
            ("`[limits]`", config.LimitsConfig),
            ("`[run]`", config.RunConfig),
            ("`[run.simulation]`", config.SimulationConfig),
        ],
    )
    def test_each_with_its_default(self, section: str, model: type[BaseModel]) -> None:
        self.check("config.md", section, model)

    @pytest.mark.parametrize(
        ("section", "model"),
        [
            ("The top", benchmarking.BenchmarkConfig),
            ("`[[tables]]`", benchmarking.TableConfig),
            ("`judge`", benchmarking.JudgeConfig),
            ("`[[strategies]]`", benchmarking.StrategyConfig),
            ("`[run]`", benchmarking.BenchmarkRunConfig),
        ],
    )
    def test_each_of_a_benchmark(self, section: str, model: type[BaseModel]) -> None:
        self.check("benchmark.md", section, model)

    def check(self, page: str, section: str, model: type[BaseModel]) -> None:
        text = (ROOT / "docs" / page).read_text()
        part = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", part, re.MULTILINE)
        fields = {
            name: _default(field.default)
            for name, field in model.model_fields.items()
            if name != "parameters"
        }
        assert dict(rows) == fields


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, config.Named):
        return f'`"{value.name}"`'
    if isinstance(value, BaseModel):
        return "`{}`" if value == type(value)() else repr(value)
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def test_the_list_of_components_is_up_to_date() -> None:
    module = runpy.run_path(str(ROOT / "docs/components.py"))
    page = (ROOT / "docs/components.md").read_text(encoding="utf-8")
    assert page == module["render"](), "run `python docs/components.py`"


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=title)
    def test_they_lead_somewhere(self, page: Path) -> None:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            if "://" in path:
                continue
            file = page.parent / path if path else page
            assert file.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
                reference = re.findall(r"^::: (.*)$", file.read_text(), re.MULTILINE)
                assert anchor in {*map(_anchor, headings), *reference}, target


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
