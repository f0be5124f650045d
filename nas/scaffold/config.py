"""The search config of a new plugin: what it offers, and built-in components for the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template

from nas.scaffold.kinds import Kind
from nas.scaffold.naming import Names

TABLES: Mapping[str, str] = {
    "space": 'name = "mlp"\nmax_depth = 2',
    "data": 'name = "digits"\nform = "table"',
    "evaluator": 'name = "train"\nepochs = 2',
    "strategy": 'name = "random"',
    "scheduler": "",
    "filter": "",
    "stop": "trials = 16",
    "run": 'executor = "inline" # "ray" uses every core, or a cluster',
}
"""In the order in which they are written; an empty one only where a kind says something of it."""


def search_config(names: Names, kinds: Sequence[Kind]) -> str:
    """Return ``search.toml``: small networks, few trials, a few seconds."""
    tables = dict(TABLES)
    for kind in kinds:
        tables.update({table: filled(text, names, kind) for table, text in kind.tables.items()})
    if beside := _features(names, kinds):
        tables["filter"] += f"\n{beside}"
    parts = [f"[{table}]\n{text}\n" for table, text in tables.items() if text]
    return "\n".join([_top(names, kinds), *parts])


def filled(text: str, names: Names, kind: Kind) -> str:
    """Return a text of a kind with the names put in."""
    component = f"{names.plugin}:{kind.component}"
    return Template(text).substitute(
        component=component, plugin=names.plugin, study=names.distribution
    )


def _top(names: Names, kinds: Sequence[Kind]) -> str:
    second = "params"
    for kind in kinds:
        if kind.name == "objective":
            second = f"{names.plugin}:{kind.component}"
    lines = [
        "# A search in seconds with what this plugin offers: nas search search.toml",
        f'study = "{names.distribution}"',
        f'objectives = ["error", "{second}"]',
        "window = 2 # a trial is chosen knowing the results of all but the last",
    ]
    if any(kind.name == "exporter" for kind in kinds):
        lines.append('weights = "all" # of every trial, so that any can be exported')
    return "\n".join(lines) + "\n"


def _features(names: Names, kinds: Sequence[Kind]) -> str:
    """Return how a proxy and a predictor share the filter: one sees what the other scores."""
    known = {kind.name: kind for kind in kinds}
    if not {"proxy", "predictor"} <= set(known):
        return ""
    return f'features = ["{names.plugin}:{known["proxy"].component}"]'
