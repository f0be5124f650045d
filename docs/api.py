"""Write api/*.md: which public names there are; mkdocstrings puts their docstrings below.

Nothing is imported: names and first sentences are read from the source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from writing import plain, write

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).with_suffix("")
NOTE = "<!-- written by docs/api.py -->\n"

PAGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "search": ("Searching", ("nas.config", "nas.engine.search", "nas.engine.resume")),
    "trial": ("Studies and trials", ("nas.trial", "nas.study", "nas.goals")),
    "archive": (
        "The archive",
        (
            "nas.archive.reader",
            "nas.archive.checking",
            "nas.archive.merging",
            "nas.archive.pruning",
            "nas.archive.import_csv",
            "nas.archive.import_optuna",
        ),
    ),
    "found": (
        "Found networks",
        ("nas.engine.retraining", "nas.engine.on_test_split", "nas.engine.reproducing"),
    ),
    "named": ("Components by name", ("nas.named", "nas.components", "nas.hookspecs")),
    "space": (
        "Spaces",
        ("nas.abstract.space", "nas.decisions", "nas.architecture", "nas.source"),
    ),
    "proxy": ("Proxies", ("nas.abstract.proxy", "nas.abstract.aggregate")),
    "predictor": ("Predictors", ("nas.abstract.predictor",)),
    "evaluator": (
        "Evaluators",
        ("nas.abstract.evaluator", "nas.abstract.checkpoint", "nas.abstract.use"),
    ),
    "strategy": ("Strategies", ("nas.abstract.strategy",)),
    "scheduler": ("Schedulers", ("nas.abstract.scheduler",)),
    "learning_curve": (
        "Learning curves",
        ("nas.abstract.learning_curve", "nas.abstract.curve_scale"),
    ),
    "objective": ("Objectives", ("nas.abstract.objective",)),
    "dataset": ("Data sets", ("nas.abstract.dataset",)),
    "exporter": ("Exporters", ("nas.abstract.exporter",)),
    "errors": ("Errors", ("nas.errors",)),
    "helpers": (
        "Helpers for plugins",
        (
            "nas.checks",
            "nas.networks",
            "nas.normalise",
            "nas.parametrization",
            "nas.pareto",
            "nas.restore",
            "nas.seeds",
            "nas.suggest",
            "nas.zero_cost",
        ),
    ),
    "testing": ("Testing plugins", ("nas.testing",)),
}
"""What is on each page: its title, and modules."""

WHOLE = ("nas.abstract", "nas.errors", "nas.trial", "nas.study", "nas.goals", "nas.decisions")
"""Modules, and packages of them, all of whose public names belong here; so do all ``helpers``."""

INTRODUCTION = """\
# API reference

Everything that a program or a plugin may use of `nas`. What can be imported from `nas` itself is
called so here: `nas.Proxy` is the class of `nas.abstract.proxy`. The docstrings are on the site
([how to build it](../../CONTRIBUTING.md)) and in the source.
"""


def pages() -> dict[Path, str]:
    """Return every page as it should be."""
    found = {FOLDER / f"{stem}.md": _page(stem, *about) for stem, about in PAGES.items()}
    rows = [
        f"| [{title}]({stem}.md) | {', '.join(f'`{name}`' for name, _ in _entries(stem))} |"
        for stem, (title, _) in PAGES.items()
    ]
    table = ["| page | names |", "|---|---|", *rows, ""]
    return {FOLDER / "index.md": "\n".join([INTRODUCTION, NOTE, *table]), **found}


def names() -> list[str]:
    """Return everything that is documented, as it is called here."""
    return [name for stem in PAGES for name, _ in _entries(stem)]


def _page(stem: str, title: str, modules: tuple[str, ...]) -> str:
    rows = [f"| [`{name}`](#{name}) | {first} |" for name, first in _entries(stem)]
    parts = [f"# {title}", "", NOTE, "| name | what |", "|---|---|", *rows]
    for module in modules:
        told = (ast.get_docstring(_tree(module)) or "").partition("\n\n")[0]
        parts += ["", f"## `{module}`", "", plain(" ".join(told.split()))]
        parts += [f"\n::: {name}" for name, _ in _of_module(stem, module)]
    return "\n".join([*parts, ""])


def _entries(stem: str) -> Iterator[tuple[str, str]]:
    for module in PAGES[stem][1]:
        yield from _of_module(stem, module)


def _of_module(stem: str, module: str) -> Iterator[tuple[str, str]]:
    """Yield names and first sentences, those that ``nas`` has first."""
    ours = sorted(_public().get(module, ()), key=list(_documented(_tree(module))).index)
    for name in ours:
        yield f"nas.{name}", _first(module, name)
    if module == "nas.testing":
        chosen = ast.literal_eval(_assigned(_tree(module))["__all__"])
        others = [name for name in chosen if name not in _public()["nas.errors"]]
    elif stem == "helpers" or any(f"{module}.".startswith(f"{whole}.") for whole in WHOLE):
        others = [name for name in _documented(_tree(module)) if name not in ours]
    else:
        others = []
    for name in others:
        yield f"{module}.{name}", _first(module, name)


@cache
def _public() -> Mapping[str, list[str]]:
    """Return the names that ``nas`` has, by the module that defines them."""
    listed = ast.literal_eval(_assigned(_tree("nas"))["PUBLIC"])
    found: dict[str, list[str]] = {}
    for module, chosen in listed.items():
        for name in chosen:
            found.setdefault(_home(module, name), []).append(name)
    return found


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _documented(tree: ast.Module) -> dict[str, str]:
    """Return the docstring of everything that is defined, not private, and has one."""
    found = {}
    for node, after in zip(tree.body, [*tree.body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and isinstance(after.value, ast.Constant):
                found[target.id] = str(after.value.value)
    return {name: text for name, text in found.items() if text and not name.startswith("_")}


def _home(module: str, name: str) -> str:
    """Return the module that defines a name, wherever it was imported from."""
    tree = _tree(module)
    if name in _documented(tree):
        return module
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return _home(node.module or "", name)
    raise LookupError(f"{module} has no {name} with a docstring")


def _first(module: str, name: str) -> str:
    told = _documented(_tree(_home(module, name)))[name]
    return plain(told.partition("\n")[0]).replace("|", "\\|")


if __name__ == "__main__":
    write(pages())
