"""The folder beside the archive: what rows refer to is there, and nothing is left over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from nas.archive.artifacts import Artifacts
from nas.archive.findings import Case, Finding, some
from nas.archive.pruning import orphans, useless
from nas.errors import ArchiveError

HASHED = 2**28
"""Bytes of weights that are read, unless all are."""


def weights(case: Case) -> Iterator[Finding]:
    """Every file that a row refers to is there, as large as it was, with the content it had."""
    sql = "SELECT trial, sha256, bytes FROM artifacts ORDER BY trial"
    rows = case.connection.execute(sql).fetchall()
    wrong: dict[str, list[int]] = {}
    seen: dict[str, str] = {}
    left, skipped = (sum(row[2] for row in rows) if case.everything else HASHED), 0
    for trial, sha256, size in rows:
        if sha256 not in seen:
            seen[sha256] = _state(case, sha256, size, hashed=left > 0)
            left -= size
            skipped += left < 0 and not case.everything
        if seen[sha256] and case.now(
            "SELECT 1 FROM artifacts WHERE trial = ? AND sha256 = ?", trial, sha256
        ):
            wrong.setdefault(seen[sha256], []).append(trial)
    if skipped > 1:
        case.remarks.append(f"weights: the content of {skipped - 1:,} files was not read (--all)")
    for why, trials in wrong.items():
        yield Finding(
            "weights",
            f"{why}: those of trials {some(trials)}",
            "their trained networks cannot be loaded or exported; all numbers are there",
            "copy the folder of weights from where the archive is from, or train them again",
        )


def _state(case: Case, sha256: str, size: int, *, hashed: bool) -> str:
    """Return what is wrong with a file; empty if nothing is."""
    try:
        path = Artifacts(case.path).path(sha256)
    except ArchiveError:
        return "what should be a SHA-256 is none"
    if path.is_symlink() or path.parent.is_symlink():
        return "files are symbolic links, which are not followed"
    if not path.is_file():
        return "files are missing"
    if path.stat().st_size != size:
        return "files have another size"
    if hashed and _sha256(path) != sha256:
        return "files have another content"
    return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftovers(case: Case) -> Iterator[Finding]:
    """No file is there for nothing."""
    if case.is_written:
        case.remarks.append("files: not examined, for they come and go while a search runs")
        return
    found = orphans(case.path, case.connection)
    if found:
        yield Finding(
            "files",
            f"{len(found)} files of {sum(p.stat().st_size for p in found):,} bytes that no trial "
            f"refers to, such as {found[0].name}",
            "a process that was killed has left them; they only take up room",
            "nas vacuum removes them",
        )
    sql = "SELECT study, number FROM trials WHERE status = 'paused'"
    paused = set(case.connection.execute(sql).fetchall())
    snapshots = useless(case.path, case.connection)
    kept = [s for s in snapshots if (s.study, s.number) in paused and not s.unfinished]
    if kept:
        case.remarks.append(
            f"files: {len(kept)} snapshots of {sum(s.bytes for s in kept):,} bytes are of paused "
            "trials whose studies have finished; nas vacuum removes them"
        )
    stale = [s for s in snapshots if s not in kept]
    if stale:
        yield Finding(
            "files",
            f"{len(stale)} snapshots of {sum(s.bytes for s in stale):,} bytes, of trials that have "
            "ended or that there are not",
            "a process that was killed has left them; they only take up room",
            "nas vacuum removes them",
        )
