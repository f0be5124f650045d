"""``nas score``: what proxies think of sampled architectures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import AsCsv, AsJson, Assignments, PluginFiles, Seed, parameters
from nas.cli.output import (
    Column,
    Listing,
    check_formats,
    print_csv,
    print_json,
    stderr,
    stdout,
)
from nas.cli.plugins import load_plugins
from nas.cli.tables import print_table
from nas.cli.text import count, one_line, plain
from nas.errors import CandidateError, ComponentError

if TYPE_CHECKING:
    from nas.abstract.dataset import SearchData
    from nas.abstract.objective import AnalyticObjective
    from nas.abstract.proxy import Proxy
    from nas.abstract.space import Space
    from nas.architecture import Architecture
    from nas.engine.scoring import ProxyScorer
    from nas.plugins import Plugins

BESIDE = ("params", "flops")
"""Objectives that stand beside the scores: the lines to beat."""
DRAWS = 50
"""Draws for each architecture that is wanted, before a space counts as used up."""


def score(
    space: Annotated[str, typer.Argument(metavar="SPACE", help="Such as nas201.")],
    proxy: Annotated[list[str], typer.Option("--proxy", help="Such as gradsign. Repeatable.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Architectures to sample.")] = 20,
    data: Annotated[str, typer.Option("--data", help="Data set for proxies that need one.")] = (
        "digits"
    ),
    assignments: Assignments = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Samples a proxy gets.")] = (
        None
    ),
    seed: Seed = 0,
    plugin: PluginFiles = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score sampled architectures with zero-cost proxies.

    On real data, at initialisation, best first; beside the scores, what they must beat.
    """
    check_formats(as_json, as_csv)
    loaded = load_plugins(plugin)
    proxies = {name: _proxy(loaded, name, batch) for name in dict.fromkeys(proxy)}
    loaded.registry("space").bind(space, parameters(assignments))
    samples = _data(loaded, data, proxies, seed)
    searched = _space(loaded, space, parameters(assignments), samples)
    columns, rows = _score(loaded, searched, proxies, samples, n, seed)
    listing = Listing(columns, rows, also=("canonical_id", "decisions", "failures"))
    used = data if samples is not None else None
    batches = {name: built.batch for name, built in proxies.items() if built.needs_data}
    if as_csv:
        print_csv(listing.keys, listing.rows)
    elif as_json:
        about = {"space": space, "data": used, "batch": batches, "seed": seed}
        print_json({**about, "architectures": listing.records()})
    else:
        _print(listing, space, used, batches, n)


def _proxy(loaded: Plugins, name: str, batch: int | None) -> Proxy:
    built: Proxy = loaded.build("proxy", name)
    if batch is not None:
        built = _with_batch(built, batch)
    return built


def _with_batch(proxy: Proxy, batch: int) -> Proxy:
    import copy

    proxy = copy.copy(proxy)
    object.__setattr__(proxy, "batch", batch)  # proxies may be frozen dataclasses
    return proxy


def _data(loaded: Plugins, name: str, proxies: Mapping[str, Proxy], seed: int) -> SearchData | None:
    if not any(proxy.needs_data for proxy in proxies.values()):
        return None
    found: SearchData = loaded.build("dataset", name).for_search(seed)
    return found


def _space(
    loaded: Plugins, name: str, wanted: Mapping[str, Any], samples: SearchData | None
) -> Space:
    """Build the space; it takes shape and classes of the data if it was not told."""
    from nas.engine.assembly import of_data

    built: Space = loaded.build("space", name, **{**of_data(loaded, name, samples), **wanted})
    return built


def _score(
    loaded: Plugins,
    space: Space,
    proxies: Mapping[str, Proxy],
    samples: SearchData | None,
    n: int,
    seed: int,
) -> tuple[list[Column], list[dict[str, Any]]]:
    from nas.engine.scoring import ProxyScorer

    scorers = {
        name: ProxyScorer(name, proxy, space, samples, seed) for name, proxy in proxies.items()
    }
    objectives = _objectives(loaded)
    architectures = list(_sample(space, n, seed))
    rows = [
        _row(space, architecture, scorers, objectives) for architecture in _watched(architectures)
    ]
    first = f"proxy:{next(iter(proxies))}"
    rows.sort(key=lambda row: (row[first] is None, -(row[first] or 0.0)))
    columns = [
        *(Column(f"proxy:{name}", plain(name), number=True) for name in proxies),
        *(
            Column(name, name, objective.unit, number=True, optional=True)
            for name, objective in objectives.items()
        ),
        Column("architecture"),
    ]
    return columns, rows


def _objectives(loaded: Plugins) -> dict[str, AnalyticObjective]:
    from nas.abstract.objective import AnalyticObjective

    found: dict[str, AnalyticObjective] = {}
    for name in BESIDE:
        try:
            objective = loaded.build("objective", name)
        except ComponentError:  # not installed, or there are several: nothing beside the scores
            continue
        if isinstance(objective, AnalyticObjective):
            found[name] = objective
    return found


def _sample(space: Space, n: int, seed: int) -> Iterator[Architecture]:
    """Draw different networks, fewer than ``n`` if the space seems to have no more."""
    from nas.seeds import rng

    source = rng(seed, "sample")
    seen: set[str] = set()
    for _ in range(DRAWS * n):
        architecture = space.sample(source)
        canonical_id = space.canonical_id(architecture)
        if canonical_id not in seen:
            seen.add(canonical_id)
            yield architecture
        if len(seen) == n:
            return


def _watched(architectures: Sequence[Architecture]) -> Iterator[Architecture]:
    console = stderr()
    if not console.is_terminal:
        yield from architectures
        return
    from rich.progress import track

    yield from track(architectures, description="Scoring", console=console, transient=True)


def _row(
    space: Space,
    architecture: Architecture,
    scorers: Mapping[str, ProxyScorer],
    objectives: Mapping[str, AnalyticObjective],
) -> dict[str, Any]:
    scores = {name: scorer.one(architecture) for name, scorer in scorers.items()}
    row: dict[str, Any] = {f"proxy:{name}": found.value for name, found in scores.items()}
    failures = {name: found.failure for name, found in scores.items() if found.failure}
    for name, objective in objectives.items():
        try:
            row[name] = objective.estimate(space, architecture)
        except CandidateError as error:
            row[name], failures[name] = None, str(error)
    return {
        **row,
        "architecture": space.format(architecture),
        "canonical_id": space.canonical_id(architecture),
        "decisions": dict(architecture),
        "failures": failures,
    }


def _print(
    listing: Listing, space: str, data: str | None, batches: Mapping[str, int], n: int
) -> None:
    console = stdout()
    sizes = " and ".join(f"{size:,}" for size in sorted(set(batches.values())))
    on = f" on {sizes} samples of {plain(data)}" if data else ""
    console.print(f"{count(len(listing.rows), 'architecture')} of {plain(space)}{on}", style="bold")
    if len(listing.rows) < n:
        console.print(f"{n:,} were asked for: no more different ones were found", style="yellow")
    print_table(listing, console)
    failed = [(row, row["failures"]) for row in listing.rows if row["failures"]]
    for row, failures in failed:
        console.print(f"\n✗ {plain(row['architecture'])}", style="red", soft_wrap=True)
        for name, why in failures.items():
            console.print(f"  {plain(name)}: {one_line(why)}")
