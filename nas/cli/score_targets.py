"""What ``nas score`` is asked to score: a space, the trials of an archive, or a file's lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import ComponentError, ConfigError, SpaceError

if TYPE_CHECKING:
    from nas.abstract.dataset import Dataset, SearchData
    from nas.abstract.space import Space
    from nas.architecture import Architecture
    from nas.config import Named
    from nas.plugins import Plugins
    from nas.study import Study

DRAWS = 50
"""Draws for each architecture that is wanted, before a space counts as used up."""
MOST = 1_000_000
"""Architectures that are scored by one command."""
DEFAULT_DATA = "digits"
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class Target:
    """What to score.

    Args:
        space: name and parameters; None of them if they are to be taken from the data.
        data: name and parameters of the data set, if the target knows one.
        file: with an architecture a line, or None.
        archive: with the trials to score, or None.
        study: of that archive.
    """

    space: Named
    data: Named | None = None
    file: Path | None = None
    archive: str | None = None
    study: Study | None = None

    @property
    def title(self) -> str:
        """For people."""
        if self.study is not None:
            return f"study {self.study.name}"
        return self.space.name if self.file is None else f"{self.file.name} ({self.space.name})"


def find_target(
    text: str, space: str | None, study: str | None, parameters: Mapping[str, Any]
) -> Target:
    """Tell a space, an archive and a file of architectures apart.

    Raises:
        ConfigError: options that do not fit what it is.
    """
    path = Path(text)
    is_file = path.is_file()
    if is_file and _head(path) == _SQLITE:
        if space is not None or parameters:
            raise ConfigError("an archive knows its space: leave out --space and --set")
        return _of_archive(text, study)
    if study is not None:
        raise ConfigError(f"--study is of an archive, and {text!r} is none")
    if is_file:
        if space is None:
            raise ConfigError(f"{text!r} has architectures: say of which space with --space")
        return Target(_named(space, parameters), file=path)
    if space is not None:
        raise ConfigError(f"--space is for a file of architectures, and there is no file {text!r}")
    return Target(_named(text, parameters))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))


def _of_archive(text: str, study: str | None) -> Target:
    from nas.archive import Archive
    from nas.config import Config

    with Archive(text) as archive:
        found = archive.study(study)
        component = next(c for c in archive.components(found) if c.role == "space")
    config = Config.parse(found.config, source=f"study {found.name!r}")
    space = _named(component.name, component.parameters)
    return Target(space, config.data, archive=text, study=found)


def _named(name: str, parameters: Mapping[str, Any]) -> Named:
    from nas.config import Named

    return Named.model_validate({"name": name, **parameters})


def check_space(plugins: Plugins, target: Target) -> None:
    """Find the space.

    Raises:
        ComponentError: there is none of that name; nor a file, if it could have been meant.
    """
    registry, name = plugins.registry("space"), target.space.name
    try:
        registry.find(name)
    except ComponentError as error:
        taken_from_file = target.file is not None or target.archive is not None
        if taken_from_file or name in registry.names():  # the latter is ambiguous
            raise
        raise ComponentError(f"{error} There is no file {name!r} either.") from None


def data_of(
    plugins: Plugins, target: Target, wanted: str | None, batch: Path | None, seed: int
) -> SearchData:
    """Load what batches are taken from.

    Args:
        plugins: those that offer data sets.
        target: may know its data.
        wanted: name of a data set, or a ``.npz`` file.
        batch: a ``.npz`` file whose first samples are the batch.
        seed: of the split.
    """
    from nas.abstract.dataset import SearchData, fingerprint

    if batch is not None:
        examples = plugins.build("dataset", "npz", path=str(batch)).load()
        known = fingerprint([examples.train])
        return SearchData(examples.train, examples.train, examples.classes, known)
    if wanted is not None and wanted.endswith(".npz"):
        dataset: Dataset = plugins.build("dataset", "npz", path=wanted)
    elif wanted is not None or target.data is None:
        dataset = plugins.build("dataset", wanted or DEFAULT_DATA)
    else:
        dataset = plugins.build("dataset", target.data.name, **target.data.parameters)
        if dataset.calls is not None:
            raise ConfigError(
                f"the data of {target.title} come from calling {dataset.calls!r}, which is what "
                "the archive says; name the data with --data"
            )
    return dataset.for_search(seed)


def with_shape(plugins: Plugins, target: Target, data: SearchData | None) -> Target:
    """Return the target with shape and classes of the data, unless it says others."""
    from nas.engine.assembly import of_data

    plugins.registry("space").bind(target.space.name, target.space.parameters)
    taken = of_data(plugins, target.space.name, data)
    return replace(target, space=_named(target.space.name, {**taken, **target.space.parameters}))


def architectures_of(
    target: Target, space: Space, n: int | None, everything: bool, seed: int
) -> list[Architecture]:
    """Return what to score, each once.

    Args:
        target: where from.
        space: built.
        n: at most so many; None is all of an archive or file.
        everything: all members of a space.
        seed: of what is drawn.
    """
    if target.study is not None:
        found = list(dict.fromkeys(_tried(target, space)))
    elif target.file is not None:
        found = list(dict.fromkeys(_listed(target.file, space)))
    elif everything:
        if space.size > MOST:
            raise ConfigError(
                f"{target.title} has {space.size:,} architectures, too many for --all (at most "
                f"{MOST:,}); draw some with --n"
            )
        found = list(space.architectures())
    else:
        return list(_sample(space, n or 1, seed))
    return found if n is None else found[:n]


def _tried(target: Target, space: Space) -> Iterator[Architecture]:
    from nas.archive import Archive

    assert target.archive is not None
    with Archive(target.archive) as archive:
        trials = archive.trials(target.study, status="complete")
    return (space.architecture(trial.architecture) for trial in trials)


def _listed(file: Path, space: Space) -> Iterator[Architecture]:
    for number, line in enumerate(_lines(file), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                yield space.parse(text)
            except SpaceError as error:
                raise SpaceError(f"{file}:{number}: {error}") from None


def _lines(file: Path) -> Sequence[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(file)!r} cannot be read as text: {error}") from None


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


def with_batch(plugins: Plugins, named: Named, batch: int | None) -> Named:
    """Return a proxy that is given so many samples, if it is given any.

    Raises:
        ComponentError: its number of samples cannot be chosen.
    """
    from nas.abstract.proxy import Proxy

    if batch is None or "batch" in named.parameters:
        return named
    if "batch" in plugins.registry("proxy").signature(named.name).parameters:
        return _named(named.name, {**named.parameters, "batch": batch})
    built = plugins.build("proxy", named.name, **named.parameters)
    if isinstance(built, Proxy) and built.needs_data:
        raise ComponentError(
            f"proxy {named.name!r} always gets {built.batch} samples; leave out --batch {batch}"
        )
    return named
