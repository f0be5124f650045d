"""``nas score``: what proxies think of networks, many of them, before any is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas.cli.options import (
    DEFAULT_ARCHIVE,
    INTERRUPTED,
    AsCsv,
    AsJson,
    Assignments,
    PluginFiles,
    Seed,
    Ship,
    parameters,
)
from nas.cli.output import (
    check_formats,
    stderr,
)
from nas.cli.plugins import load_plugins
from nas.errors import ConfigError
from nas.text import number, plain

if TYPE_CHECKING:
    from nas.abstract.space import Space
    from nas.architecture import Architecture
    from nas.cli.score_targets import Target
    from nas.config import Named, RunConfig
    from nas.engine.builder import Builder
    from nas.engine.bulk import Bulk, BulkProgress
    from nas.engine.proxy_tree import Tree
    from nas.plugins import Plugins
    from nas.zero_cost import Samples

DRAWN = 20
"""Architectures of a space that are drawn by default."""
FEW = 100
"""Scores for which no Ray is started."""


_Target = Annotated[
    str,
    typer.Argument(
        metavar="SPACE|ARCHIVE|FILE",
        help="Such as nas201; or whose trials; or a text file with an architecture a line.",
    ),
]
_Proxies = Annotated[list[str], typer.Option("--proxy", help="Such as gradsign. Repeatable.")]
_N = Annotated[
    int | None,
    typer.Option("--n", min=1, help="Architectures; of a space 20 are drawn by default."),
]
_All = Annotated[bool, typer.Option("--all", help="All that the space has.")]
_Space = Annotated[str | None, typer.Option("--space", help="Of the file's lines.")]
_Study = Annotated[str | None, typer.Option("--study", help="Of the archive.")]
_Archive = Annotated[
    str | None,
    typer.Option("--archive", metavar="FILE", help="Where scores are kept, and found again."),
]
_Data = Annotated[
    str | None, typer.Option("--data", help="A data set, or an .npz file. Default: digits.")
]
_Batch = Annotated[
    str | None,
    typer.Option("--batch", metavar="N|FILE", help="Samples a proxy gets, or an .npz of them."),
]
_Repeats = Annotated[
    int, typer.Option("--repeats", min=1, help="Initialisations to take the mean over.")
]
_Executor = Annotated[
    str, typer.Option("--executor", help="ray, inline, or auto: ray where it is worth it.")
]
_Workers = Annotated[int | None, typer.Option("--workers", min=1, help="At most so many.")]
_Address = Annotated[str | None, typer.Option("--address", help="Of a Ray cluster.")]
_Top = Annotated[int, typer.Option("--top", min=1, help="Rows that are shown.")]


def score(
    target: _Target,
    proxy: _Proxies,
    n: _N = None,
    everything: _All = False,
    space: _Space = None,
    study: _Study = None,
    archive: _Archive = None,
    data: _Data = None,
    assignments: Assignments = None,
    batch: _Batch = None,
    seed: Seed = 0,
    repeats: _Repeats = 1,
    executor: _Executor = "auto",
    workers: _Workers = None,
    address: _Address = None,
    top: _Top = 20,
    plugin: PluginFiles = None,
    ship: Ship = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score untrained networks with zero-cost proxies.

    Best first; what was stopped goes on. Beside the scores stands what they must beat, and the
    scores of an archive's trials are compared with what training gave.
    """
    from nas.cli.score_output import ScoreOutput
    from nas.cli.score_targets import find_target

    check_formats(as_json, as_csv)
    found = find_target(target, space, study, parameters(assignments))
    bulk, found, loaded = _bulk(found, proxy, data, batch, seed, repeats, plugin)
    wanted = _wanted(found, bulk.built, n, everything, seed)
    path = archive or found.archive or DEFAULT_ARCHIVE
    few = len(wanted) * len(bulk.proxies) <= FEW
    where = _run_config(executor, few, workers=workers, address=address, ship=ship)
    done = _score(bulk, wanted, path, where, quiet=as_json or as_csv)
    output = ScoreOutput(bulk, found, loaded, path)
    if as_json or as_csv:
        output.write(wanted, data, as_csv=as_csv)
    else:
        output.print(wanted, done, n, top)


def _bulk(
    target: Target,
    names: Sequence[str],
    data: str | None,
    batch: str | None,
    seed: int,
    repeats: int,
    plugin: Sequence[str] | None,
) -> tuple[Bulk, Target, Plugins]:
    from nas.cli.score_targets import check_space, data_of, with_shape
    from nas.engine.builder import Builder
    from nas.engine.bulk import Bulk
    from nas.engine.proxy_tree import proxies
    from nas.plugins import PluginFile

    size, file = _batch(batch)
    loaded = load_plugins(plugin)
    builder = Builder(loaded)
    trees, named = _trees(builder, names, size)
    check_space(loaded, target)
    needy = any(found.needs_data for found in proxies(trees).values())
    samples = data_of(loaded, target, data, file, seed) if needy else None
    target = with_shape(loaded, target, samples)
    built: Space = loaded.build("space", target.space.name, **target.space.parameters)
    files = [PluginFile.read(path) for path in plugin or ()]
    how: Samples = "drawn" if file is None else "first"
    bulk = Bulk(builder, target.space, built, trees, named, samples, files, seed, repeats, how)
    return bulk, target, loaded


def _batch(batch: str | None) -> tuple[int | None, Path | None]:
    """Tell a number of samples from a file that has them."""
    if batch is None or not batch.isdecimal():
        return None, None if batch is None else Path(batch)
    if int(batch) < 1:
        raise ConfigError("--batch must be at least 1, or an .npz file")
    return int(batch), None


def _trees(
    builder: Builder, names: Sequence[str], batch: int | None
) -> tuple[list[Tree], dict[str, Named]]:
    """Build the proxies; return them, and of each what it was built with, by what it is called."""
    from nas.cli.score_targets import with_batch
    from nas.config import Named
    from nas.engine.proxy_tree import label, proxies

    named: dict[str, Named] = {}

    def adapted(one: Named) -> Named:
        named[label(one)] = with_batch(builder.plugins, one, batch)
        return named[label(one)]

    trees = [builder.tree(Named(name=name), adapted) for name in dict.fromkeys(names)]
    return trees, {name: named[name] for name in proxies(trees)}


def _wanted(
    target: Target, space: Space, n: int | None, everything: bool, seed: int
) -> list[Architecture]:
    from nas.cli.score_targets import architectures_of

    of_space = target.study is None and target.file is None
    if everything and n is not None:
        raise ConfigError("--all and --n exclude each other")
    n = DRAWN if of_space and n is None and not everything else n
    return architectures_of(target, space, n, everything, seed)


def _run_config(executor: str, few: bool, **settings: Any) -> RunConfig:
    from nas.config import RunConfig

    given = {name: value for name, value in settings.items() if value}
    if executor == "auto":
        executor = "inline" if few and not given else "ray"
    if executor not in ("ray", "inline"):
        raise ConfigError(f"--executor is ray, inline or auto, not {executor!r}")
    return RunConfig.model_validate({"executor": executor, **given})


def _score(
    bulk: Bulk, wanted: Sequence[Architecture], archive: str, where: RunConfig, *, quiet: bool
) -> BulkProgress:
    from nas.engine.bulk import score_all

    try:
        with _shown(quiet=quiet) as watch:
            return score_all(bulk, wanted, archive, where, watch)
    except KeyboardInterrupt:
        said = f"Interrupted. What was scored is in {plain(archive)}; the same command goes on."
        stderr().print(said, soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[BulkProgress], None]]:
    """Show how far it is: on a terminal as a bar, elsewhere not at all."""
    console = stderr()
    if quiet or not console.is_terminal:
        yield lambda progress: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    texts = [TextColumn("Scoring"), BarColumn(), TextColumn("{task.completed:,}/{task.total:,}")]
    more = [TextColumn("{task.description}"), TimeRemainingColumn()]
    with Progress(*texts, *more, console=console, transient=True) as bar:
        task = bar.add_task("")

        def show(now: BulkProgress) -> None:
            said = f"{now.rate:,.1f}/s, {number(now.memory, 'B')} a worker, {plain(now.executor)}"
            bar.update(task, completed=now.known + now.scored, total=now.total, description=said)

        yield show
