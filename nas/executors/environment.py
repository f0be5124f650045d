"""What must be installed on every node, and distributions that are sent along instead."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points
from importlib.metadata import version as installed_version
from pathlib import Path, PurePosixPath

from nas.errors import ConfigError
from nas.hookspecs import PROJECT
from nas.plugins import OURS
from nas.suggest import did_you_mean, listed

COMPUTING = ("numpy", "torch")
"""What the numbers are computed by: another version may well give others, so that a trial's result
would depend on the node that it ran on. Which build of a version it is (CPU, CUDA) is up to the
node."""
COMPILED = (".so", ".pyd", ".dylib", ".dll")
_LEFT_BEHIND = (".pyc", ".pth")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The same files are the same parcel, whenever they were written."""


@dataclass(frozen=True)
class Parcel:
    """A distribution that is sent to the workers.

    Args:
        name: of the distribution.
        version: of the distribution.
        digest: of the content.
        content: its files, zipped; the metadata is one of them.
    """

    name: str
    version: str
    digest: str
    content: bytes


def outfit(
    versions: Mapping[str, str], ship: Iterable[str]
) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """Return the versions that every node must have, and what is sent to it: digest and content.

    Args:
        versions: of this package, and of the distributions that a worker builds components from.
        ship: names of the distributions that are sent.

    Raises:
        ConfigError: one of them cannot be sent.
    """
    parcels = [pack(name) for name in dict.fromkeys(ship)]
    computing = {name: found for name in COMPUTING if (found := _public(name))}
    known = {name: version for name, version in versions.items() if name}
    sent = {parcel.name: parcel.version for parcel in parcels}
    return {**computing, **known, **sent}, [(p.digest, p.content) for p in parcels]


def unlike(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Return in words what is different on a node, and what to do about it.

    Args:
        wanted: versions by distribution.
        found: those that differ; empty for what is not installed.
    """
    facts = [
        f"{name} {there} there, {wanted[name]} here"
        if there
        else f"{name} is not installed there, {wanted[name]} here"
        for name, there in found.items()
    ]
    pinned = " ".join(f"{name}=={wanted[name]}" for name in found)
    plugins = [name for name in found if name not in (OURS, *COMPUTING)]
    sent = " ".join(f"--ship {name}" for name in plugins)
    instead = f", or send yours with {sent}" if sent else ""
    return f"{'; '.join(facts)}: on that node, pip install {pinned}{instead}"


def pack(name: str) -> Parcel:
    """Return an installed distribution as what can be sent to workers.

    Raises:
        ConfigError: there is none of that name, it has compiled parts, or it is not known which
            files belong to it.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError:
        known = {e.dist.name for e in entry_points(group=PROJECT) if e.dist is not None} - {OURS}
        raise ConfigError(
            f"run.ship: no distribution {name!r} is installed here; plugins come from: "
            f"{listed(known)}.{did_you_mean(name, known)}"
        ) from None
    files = dict(sorted(_files(found)))
    _check_pure(found, files)
    content = _zipped(files)
    digest = hashlib.sha256(content).hexdigest()
    return Parcel(found.name, found.version, digest, content)


def _public(name: str) -> str:
    """Return a version without its local part; empty if it is not installed."""
    try:
        return installed_version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _files(found: Distribution) -> Iterator[tuple[str, Path]]:
    """Yield the files of a distribution by their path below a folder of packages."""
    if found.files is None:
        raise ConfigError(
            f"run.ship: {found.name} {found.version} does not say which files belong to it (its "
            "metadata has no RECORD): install it with pip"
        )
    for path in found.files:
        outside = path.is_absolute() or ".." in path.parts or path.name.startswith("__editable__")
        if not outside and path.suffix not in _LEFT_BEHIND:
            yield path.as_posix(), Path(str(path.locate()))
    if _editable(found):
        for package in sorted({entry.module.partition(".")[0] for entry in found.entry_points}):
            yield from _package(package)


def _editable(found: Distribution) -> bool:
    about = json.loads(found.read_text("direct_url.json") or "{}")
    return bool(about.get("dir_info", {}).get("editable"))


def _package(name: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a package, or the one of a module, wherever it is imported from."""
    spec = importlib.util.find_spec(name)
    folders = spec.submodule_search_locations if spec is not None else None
    if spec is not None and folders is None and spec.origin:
        yield Path(spec.origin).name, Path(spec.origin)
    for folder in map(Path, folders or ()):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in _LEFT_BEHIND:
                yield str(PurePosixPath(name, path.relative_to(folder).as_posix())), path


def _check_pure(found: Distribution, files: Mapping[str, Path]) -> None:
    compiled = [name for name in files if name.endswith(COMPILED)]
    if not compiled and "root-is-purelib: false" in (found.read_text("WHEEL") or "").lower():
        compiled = ["its wheel says so"]
    if compiled:
        raise ConfigError(
            f"run.ship: {found.name} {found.version} has compiled parts ({compiled[0]}), which fit "
            "one kind of machine: install it on the nodes instead, "
            f"pip install {found.name}=={found.version}"
        )


def _zipped(files: Mapping[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), path.read_bytes())
    return buffer.getvalue()
