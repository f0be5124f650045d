"""Disks that are full, read-only, or lose the archive in mid-search."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers import check_whole, count
from toys import TOY, config, rows, run, told

import nas

CONFIG = """
study = "toy"
objectives = ["total", "spread"]
space = {{ name = "toy", length = 4, base = 6 }}
evaluator = {{ name = "tally", seconds = {seconds} }}
strategy = "climb"
stop = {{ trials = {trials} }}
run = {{ executor = "inline" }}
"""


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def mount(self, options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")

    def remount(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self.folder)]
        subprocess.run(command, check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    disk.mount("size=500k")
    yield disk
    subprocess.run(["umount", "-l", str(disk.folder)], check=True)


def search(
    folder: Path, archive: Path, trials: int = 1200, seconds: float = 0.0
) -> subprocess.Popen[str]:
    toml = folder / "toy.toml"
    toml.write_text(CONFIG.format(trials=trials, seconds=seconds))
    words = ["nas", "search", str(toml), "--archive", str(archive), "--plugin", str(TOY), "--quiet"]
    return subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def refused(process: subprocess.Popen[str], *parts: str) -> None:
    """It ends with one line on stderr that has these parts, and nothing on stdout."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert out == ""
    assert err.count("\n") == 1
    for part in parts:
        assert part in err


def same_as_undisturbed(archive: Path, tmp_path: Path, trials: int) -> None:
    check_whole(archive)
    space = {"name": "toy", "length": 4, "base": 6}
    values: dict[str, Any] = config(
        objectives=["total", "spread"], strategy="climb", space=space, stop={"trials": trials}
    )
    expected = run(values, tmp_path / "undisturbed.db").trials
    with nas.Archive(archive) as opened:
        assert told(opened.trials()) == told(expected)


def test_a_full_disk_ends_the_session_and_more_space_is_all_that_it_takes(
    disk: Disk, tmp_path: Path
) -> None:
    archive = disk.folder / "a.db"
    refused(search(tmp_path, archive), "Error: archive", "a.db", "disk is full")
    before = count(archive)
    assert 0 < before < 1200
    assert rows(archive, "PRAGMA integrity_check") == [("ok",)]
    disk.remount("size=50m")
    out, err = search(tmp_path, archive).communicate(timeout=60)
    assert err == ""
    assert "Front of toy" in out
    same_as_undisturbed(archive, tmp_path, 1200)


def test_a_file_system_that_becomes_read_only_in_mid_search(disk: Disk, tmp_path: Path) -> None:
    disk.remount("size=50m")
    archive = disk.folder / "a.db"
    process = search(tmp_path, archive, trials=150, seconds=0.02)
    while count(archive) < 10:
        assert process.poll() is None
    subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=False)
    if not _read_only(disk.folder):  # Linux refuses while a file is open for writing
        process.kill()
        process.communicate()
        pytest.skip("this kernel makes nothing read-only that is being written to")
    refused(process, "Error: archive", "a.db")
    disk.remount("rw")
    search(tmp_path, archive, trials=150).communicate(timeout=60)


def _read_only(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
    except OSError:
        return True
    (folder / "probe").unlink()
    return False


def test_a_read_only_disk_is_told_before_anything_is_trained(disk: Disk, tmp_path: Path) -> None:
    archive = disk.folder / "a.db"
    disk.remount("size=50m")
    search(tmp_path, archive, trials=20).communicate(timeout=60)
    disk.remount("ro")
    refused(search(tmp_path, archive, trials=30), "cannot be written", "read-only")
    refused(search(tmp_path, disk.folder / "new.db"), "cannot be written")
    with nas.Archive(archive) as opened:
        assert len(opened.trials()) == 20


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_an_archive_that_is_gone_is_noticed_at_the_next_trial(how: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    process = search(tmp_path, archive, trials=1000, seconds=0.02)
    while count(archive) < 5:
        assert process.poll() is None
    kept = archive.rename(tmp_path / "kept.db")
    if how == "replaced":
        archive.write_bytes(b"")
    refused(process, "was deleted, moved or replaced", "put it back")
    assert not archive.exists() or archive.read_bytes() == b""
    assert rows(kept, "PRAGMA integrity_check") == [("ok",)]


def test_weights_that_cannot_be_written_end_the_session_with_the_reason(
    disk: Disk, tmp_path: Path
) -> None:
    """The file of weights is larger than the disk; the trial is not archived without them."""
    disk.remount("size=1200k")
    archive = disk.folder / "a.db"
    toml = tmp_path / "train.toml"
    toml.write_text(
        """
        study = "s"
        objectives = ["error"]
        space = { name = "mlp", max_depth = 4, widths = [512] }
        data = { name = "digits", validation = 0.8 }
        evaluator = { name = "train", epochs = 1, batch_size = 256 }
        strategy = "random"
        stop = { trials = 3 }
        run = { executor = "inline" }
        """
    )
    words = ["nas", "search", str(toml), "--archive", str(archive), "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    refused(process, "Error:", "cannot be written", "No space left")
    check_whole(archive)
    disk.remount("size=50m")
    done = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    with nas.Archive(archive) as opened:
        assert len(opened.trials()) == 3
        assert opened.load_model(opened.front()[0].id)
