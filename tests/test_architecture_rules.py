"""Which room may look into which, read from the imports; and the sizes that keep rooms small."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "ray", "nevergrad", "sqlite_utils", "sklearn"}
MARK = re.compile(r"^(import|from) .*# noqa: .*TID253", re.MULTILINE)
ENTRY = {"nas", "nas.plugins", "nas.named", "nas.hookspecs", "nas.cli.main", "nas.archive"}
"""What every user imports first, beside the plugin packages: it must be light."""

ABOVE: Mapping[str, tuple[str, ...]] = {
    "nas.config": (
        "nas.archive",
        "nas.executors",
        "nas.engine",
        "nas.benchmark",
        "nas.pictures",
        "nas.cli",
        "nas.ui",
    ),
    "nas.archive": (
        "nas.executors",
        "nas.engine",
        "nas.benchmark",
        "nas.pictures",
        "nas.cli",
        "nas.ui",
    ),
    "nas.executors": ("nas.engine", "nas.benchmark", "nas.pictures", "nas.cli", "nas.ui"),
    "nas.engine": ("nas.benchmark", "nas.pictures", "nas.cli", "nas.ui"),
    "nas.benchmark": ("nas.cli", "nas.ui"),
    "nas.pictures": ("nas.benchmark", "nas.cli", "nas.ui"),
    "nas.cli": ("nas.ui",),
    "nas.ui": ("nas.cli",),
}
"""What each upper room must not import; every other module of nas imports none of these rooms."""

ON_TOP = ("nas.__main__", "nas.cli.ui", "nas.testing")
PUBLIC = {
    "nas",
    "nas.architecture",
    "nas.checks",
    "nas.components",
    "nas.decisions",
    "nas.errors",
    "nas.goals",
    "nas.hookspecs",
    "nas.networks",
    "nas.normalise",
    "nas.parametrization",
    "nas.pareto",
    "nas.restore",
    "nas.seeds",
    "nas.study",
    "nas.suggest",
    "nas.trial",
    "nas.zero_cost",
}
"""What a plugin may import of nas, beside ``nas.abstract``."""

FILE_LINES, FUNCTION_LINES = 300, 40


@dataclass(frozen=True)
class Import:
    """One imported module; ``eager`` if it is imported together with the module it stands in."""

    target: str
    line: int
    eager: bool


@dataclass(frozen=True)
class Module:
    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree, eager=True))

    @property
    def distribution(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))


def _imports(node: ast.AST, eager: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, eager) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            for alias in child.names:
                yield Import(_resolve(child.module or "", alias.name), child.lineno, eager)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(child, eager=False)
        else:
            lazy = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, eager and not lazy)


def _resolve(module: str, name: str) -> str:
    """Tell ``from package import module`` from ``from module import name``."""
    return f"{module}.{name}" if f"{module}.{name}" in NAMES else module


def _paths() -> Iterator[tuple[str, Path]]:
    for top in (ROOT, ROOT / "plugins", ROOT / "search_spaces"):
        pattern = "nas/**/*.py" if top == ROOT else "*/**/*.py"
        for path in sorted(top.glob(pattern)):
            parts = path.relative_to(top).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


NAMES = dict(_paths())
MODULES = {name: Module(name, path) for name, path in NAMES.items()}
OURS = [module for module in MODULES.values() if module.distribution == "nas"]
BUILT_INS = [module for module in MODULES.values() if module.distribution != "nas"]
COPIED = [module for name, module in MODULES.items() if name.startswith("nas.scaffold.examples.")]
"""``nas new-plugin`` copies them into plugins."""


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def eager_imports() -> nx.DiGraph:
    """Return who imports whom as soon as it is imported itself."""
    graph = nx.DiGraph()
    graph.add_nodes_from(MODULES)
    for module in MODULES.values():
        graph.add_edges_from((module.name, i.target) for i in module.imports if i.eager)
    return graph


def test_there_is_something_to_read() -> None:
    assert {"nas.abstract.space", "nas_proxies", "nas_cells"} <= set(MODULES)
    targets = {i.target for i in MODULES["nas.abstract.space"].imports if i.eager}
    assert {"nas.decisions", "numpy"} <= targets
    assert "torch" not in targets


def test_nas_knows_no_plugin() -> None:
    wrong = [
        f"{module}:{i.line} imports {i.target}"
        for module in OURS
        for i in module.imports
        if i.target.startswith("nas_") or within(i.target, "plugins", "search_spaces")
    ]
    assert wrong == []


def test_arrows_point_one_way() -> None:
    wrong = []
    for module in OURS:
        if module.name == "nas" or within(module.name, *ON_TOP):
            continue
        room = next((room for room in ABOVE if within(module.name, room)), "")
        above = ABOVE[room] if room else tuple(ABOVE)
        wrong += [
            f"{module}:{i.line} imports {i.target}"
            for i in module.imports
            if within(i.target, *above)
        ]
    assert wrong == []


def test_plugins_see_the_public_modules_only() -> None:
    wrong = [
        f"{module}:{i.line} imports {i.target}"
        for module in (*BUILT_INS, *COPIED)
        for i in module.imports
        if within(i.target, "nas")
        and i.target not in PUBLIC
        and not within(i.target, "nas.abstract")
    ]
    assert wrong == []


def test_plugins_do_not_see_each_other() -> None:
    wrong = [
        f"{module}:{i.line} imports {i.target}"
        for module in BUILT_INS
        for i in module.imports
        if i.target.startswith("nas_") and not within(i.target, module.distribution)
    ]
    assert wrong == []


def test_nothing_imports_what_is_private_elsewhere() -> None:
    wrong = [
        f"{module}:{node.lineno} imports {alias.name} from {node.module}"
        for module in MODULES.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and within(node.module or "", *NAMES)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert wrong == []


def test_no_import_cycles() -> None:
    cycles = [sorted(c) for c in nx.strongly_connected_components(eager_imports()) if len(c) > 1]
    assert cycles == []


def test_heavy_imports_are_marked() -> None:
    wrong = [
        f"{module} imports {i.target}"
        for module in MODULES.values()
        for i in module.imports
        if i.eager and within(i.target, *HEAVY) and not MARK.search(module.text)
    ]
    assert wrong == []


@pytest.mark.parametrize("entry", sorted(ENTRY | {m.name for m in BUILT_INS if "." not in m.name}))
def test_what_everybody_imports_reaches_nothing_heavy(entry: str) -> None:
    graph = eager_imports()
    heavy = [name for name in graph if within(name, *HEAVY)]
    paths = [
        " > ".join(nx.shortest_path(graph, entry, h)) for h in heavy if nx.has_path(graph, entry, h)
    ]
    assert paths == []


def test_files_are_short() -> None:
    lengths = {str(module): module.text.count("\n") for module in MODULES.values()}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES} == {}


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return its lines without the docstring, which may be as long as its contract."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_functions_are_short() -> None:
    lengths = {
        f"{module}:{node.lineno} {node.name}": _length(node)
        for module in MODULES.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES} == {}


@pytest.mark.parametrize("package", sorted({module.distribution for module in MODULES.values()}))
def test_packages_are_typed(package: str) -> None:
    assert (NAMES[package].parent / "py.typed").is_file()
