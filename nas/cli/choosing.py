"""Which studies, trials and objectives somebody means, as several commands ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from nas.errors import ConfigError
from nas.suggest import did_you_mean

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

AUTO = "auto"
"""The reference that follows from the front."""

StudyNames = Annotated[
    list[str] | None,
    typer.Argument(metavar="[STUDY]...", help="Default: the latest in the archive."),
]
AllStudies = Annotated[bool, typer.Option("--all-studies", help="Of every study.")]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="SQL", help="Only those for which it is true."),
]
OrderBy = Annotated[
    str | None, typer.Option("--order-by", metavar="SQL", help='Such as "latency desc, error".')
]
ObjectiveNames = Annotated[
    str | None,
    typer.Option(
        "--objectives",
        metavar="A,B",
        help="Metrics to compare by, whatever the search was for; A:max if more is better.",
    ),
]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        metavar="A=1,B=2",
        help="Tell the hypervolume up to there; 'auto' is a tenth beyond the front.",
    ),
]


def chosen(archive: Archive, names: Sequence[str] | None, every: bool) -> list[Study]:
    """Return the studies that are meant, each once.

    Raises:
        ConfigError: some are named beside --all-studies.
        ArchiveError: there is no such study, or none at all.
    """
    if names and every:
        raise ConfigError("--all-studies and the names of studies exclude each other")
    if not names:
        return (archive.studies() if every else []) or [archive.study()]
    return [archive.study(name) for name in dict.fromkeys(names)]


def objectives_of(text: str | None) -> list[str] | None:
    """Return what --objectives names."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def reference_of(text: str | None) -> dict[str, float] | None:
    """Return a reference by metric; None for none and for ``auto``.

    Raises:
        ConfigError: it is no list of ``metric=number``.
    """
    if text is None or text == AUTO:
        return None
    found: dict[str, float] = {}
    for part in text.split(","):
        name, separator, value = part.rpartition("=")
        try:
            if not separator:
                raise ValueError
            found[name.strip()] = float(value)
        except ValueError:
            hint = did_you_mean(part, [AUTO])
            raise ConfigError(
                f"--reference {text!r}: write metric=number,metric=number or '{AUTO}', such as "
                f"error=0.2,params=1e6.{hint}"
            ) from None
    return found
