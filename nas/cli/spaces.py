"""``nas space``: how large a space is, what it decides, and one architecture of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsCsv, AsJson, Assignments, PluginFiles, Seed, parameters
from nas.cli.output import (
    Column,
    Listing,
    check_formats,
    print_csv,
    print_json,
    stdout,
)
from nas.cli.plugins import load_plugins
from nas.cli.tables import print_table
from nas.text import count, one_line, plain

if TYPE_CHECKING:
    from rich.console import Console

    from nas.abstract.space import Space
    from nas.architecture import Architecture
    from nas.components import Registered
    from nas.decisions import Decision


MOST = 12
"""Real numbers that are listed one by one."""


def space(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the space, such as nas201.")],
    assignments: Assignments = None,
    seed: Seed = 0,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show a search space: its size, its decisions, and a sample.

    CSV has the decisions only.
    """
    from nas.seeds import rng

    check_formats(as_json, as_csv)
    loaded = load_plugins(plugin)
    found = loaded.registry("space").find(name)
    built: Space = loaded.build("space", name, **parameters(assignments))
    architecture = built.sample(rng(seed, "sample"))
    decisions = [_decision(decision) for decision in built.tree.decisions]
    if as_csv:
        print_csv([column.name for column in _COLUMNS], decisions)
    elif as_json:
        print_json(_document(found, built, architecture, decisions, seed))
    else:
        _print(found, built, architecture, decisions, seed)


_COLUMNS = [
    Column("name", "decision", wrap=True),
    Column("kind", optional=True),
    Column("values", wrap=True, show=lambda values: _values(values)),
    Column("when", "only if", wrap=True, show=lambda when: _when(when)),
]


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "name": decision.name,
        "kind": type(decision).__name__.lower(),
        "values": list(decision.values),
        "when": {parent: list(values) for parent, values in decision.when.items()} or None,
    }


def _print_decisions(decisions: Sequence[dict[str, Any]], console: Console) -> None:
    """Neighbours that are alike share a row; conditions have a column if there are any."""
    rows = []
    for (kind, values, when), alike in itertools.groupby(
        decisions, key=lambda d: (d["kind"], d["values"], d["when"])
    ):
        names = ", ".join(plain(decision["name"]) for decision in alike)
        rows.append({"name": names, "kind": kind, "values": values, "when": when})
    conditional = any(row["when"] for row in rows)
    print_table(Listing(_COLUMNS if conditional else _COLUMNS[:-1], rows), console)


def _values(values: Sequence[Any]) -> str:
    """Write an arithmetic row, or many numbers, as such: ``16, 32 ... 256``."""
    steps = {b - a for a, b in itertools.pairwise(values)} if _integers(values) else ()
    many = len(values) > MOST and all(isinstance(value, float) for value in values)
    if (len(steps) == 1 and len(values) > 4) or many:
        first, second, *_, last = values
        return f"{first}, {second} … {last}"
    return ", ".join(plain(value) for value in values)


def _integers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _when(when: dict[str, list[Any]]) -> str:
    return " and ".join(f"{plain(parent)} is {_either(values)}" for parent, values in when.items())


def _either(values: Sequence[Any]) -> str:
    shown = _values(values)
    return " or ".join(shown.rsplit(", ", 1)) if "…" not in shown else f"one of {shown}"


def _document(
    found: Registered,
    built: Space,
    architecture: Architecture,
    decisions: Sequence[dict[str, Any]],
    seed: int,
) -> dict[str, Any]:
    params, failure = count_parameters(built, architecture)
    return {
        "space": found.full_name,
        "summary": found.component.summary,
        "reference": found.component.reference,
        "size": built.size,
        "input_shape": list(built.input_shape),
        "classes": built.classes,
        "decisions": list(decisions),
        "sample": {
            "seed": seed,
            "architecture": built.format(architecture),
            "canonical_id": built.canonical_id(architecture),
            "decisions": dict(architecture),
            "params": params,
            "failure": failure,
        },
    }


def count_parameters(built: Space, architecture: Architecture) -> tuple[int | None, str | None]:
    """Build on the meta device and count; or None, and why it cannot be built."""
    import torch

    try:
        with torch.device("meta"):
            network = built.build(architecture)
    except Exception as error:  # noqa: BLE001 - a space's build can raise anything
        return None, one_line(f"{type(error).__name__}: {error}")
    return sum(parameter.numel() for parameter in network.parameters()), None


def _print(
    found: Registered,
    built: Space,
    architecture: Architecture,
    decisions: Sequence[dict[str, Any]],
    seed: int,
) -> None:
    from nas.cli.graphs import print_graph

    console = stdout()
    console.print(f"{found.full_name}: {one_line(found.component.summary)}", style="bold")
    if found.component.reference:
        console.print(one_line(found.component.reference), style="dim")
    shape = " x ".join(map(str, built.input_shape))
    console.print(
        f"{count(built.size, 'architecture')}; input {shape}, {count(built.classes, 'class')}\n"
    )
    _print_decisions(decisions, console)
    params, failure = count_parameters(built, architecture)
    console.print(f"\nA sample (--seed {seed})", style="bold")
    console.print(f"  {plain(built.format(architecture))}", soft_wrap=True)
    console.print(f"  canonical id  {built.canonical_id(architecture)}")
    if params is None:
        console.print(f"  cannot be built: {failure}", style="red")
    else:
        console.print(f"  parameters    {count(params)}\n")
    print_graph(built, architecture, console)
