"""Weights of the front's networks: they appear, go, and come back as networks."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

import nas
from nas import Architecture, ArchiveError, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.normalise import with_normalisation
from nas.plugins import PluginFile, Plugins
from nas.study import Study

GOALS = (Goal("error"), Goal("params"))
SPACE = ComponentRecord("space", "grid:grid", {"input_shape": [2, 3, 3]}, "(file)", "sha256:0")
PLUGIN = """
import nas

class Grid(nas.Space):
    def __init__(self, input_shape, classes=4):
        self.input_shape, self.classes = tuple(input_shape), classes

    decisions = (nas.Integer("width", 1, 8), nas.Integer("n", 0, 99))

    def build(self, architecture):
        from torch import nn

        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(18, architecture["width"]),
            nn.BatchNorm1d(architecture["width"]),
            nn.Linear(architecture["width"], self.classes),
        )

@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("grid", Grid, "for tests")]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    file = tmp_path / "grid.py"
    file.write_text(PLUGIN)
    return Plugins([PluginFile.read(file)], disabled=())


def begin(writer: Writer, name: str = "s") -> Study:
    return writer.study(Study(name, "", GOALS, {}, 0, 1), [SPACE])


def record(
    number: int, error: float, params: float, weights: Callable[[], bytes] | bytes | None = None
) -> Record:
    trial = Trial(
        number,
        Architecture({"width": 5, "n": number}),
        Status.COMPLETE,
        (error, params),
        metrics={"error": error, "params": params},
    )
    fetch = (lambda: weights) if isinstance(weights, bytes) else weights
    return Record(trial, f"c{number}", "", weights=fetch)


def files(path: Path) -> dict[str, bytes]:
    """Return what lies in the folder next to the archive, by path below it."""
    folder = path.with_name(path.name + ".artifacts")
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def named(*contents: bytes) -> dict[str, bytes]:
    names = {c: hashlib.sha256(c).hexdigest() for c in contents}
    return {f"{name[:2]}/{name}.safetensors": content for content, name in names.items()}


def kept(path: Path) -> list[tuple[int, int]]:
    connection = sqlite3.connect(path)
    sql = "SELECT number, bytes FROM artifacts JOIN trials ON trials.id = trial ORDER BY number"
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def network(*, normalised: bool) -> nn.Module:
    """Return a network of the space that looks trained: nothing in it has its initial value."""
    built: nn.Module = nn.Sequential(
        nn.Flatten(), nn.Linear(18, 5), nn.BatchNorm1d(5), nn.Linear(5, 4)
    )
    built = with_normalisation(built, (2, 3, 3)) if normalised else built
    for value in built.state_dict().values():
        value.copy_(torch.rand(value.shape) + 0.5 if value.is_floating_point() else value + 7)
    return built.eval()


def test_weights_appear_and_go_with_the_front(path: Path) -> None:
    with Writer.open(path) as writer:
        study = begin(writer)
        writer.record(study, [record(0, 0.5, 5.0, b"zero"), record(1, 0.4, 9.0, b"one")])
        assert files(path) == named(b"zero", b"one")
        assert kept(path) == [(0, 4), (1, 3)]
        writer.record(study, [record(2, 0.4, 5.0, b"two!!")])
        assert files(path) == named(b"two!!")
        assert kept(path) == [(2, 5)]
        writer.record(study, [record(3, 0.1, 1.0)])
        assert files(path) == {}
        assert kept(path) == []


def test_only_what_is_kept_is_fetched(path: Path) -> None:
    fetched = []

    def weights(number: int) -> Callable[[], bytes]:
        return lambda: fetched.append(number) or b"%d" % number  # type: ignore[func-returns-value]

    with Writer.open(path) as writer:
        study = begin(writer)
        points = [(0, 0.5, 5.0), (1, 0.6, 6.0), (2, 0.4, 4.0), (3, 0.3, 9.0)]
        writer.record(study, [record(n, *values, weights(n)) for n, *values in points])
        writer.record(study, [record(4, 0.9, 9.0, weights(4))])
    assert sorted(fetched) == [2, 3]
    assert files(path) == named(b"2", b"3")


def test_one_file_serves_all_who_share_its_content(path: Path) -> None:
    with Writer.open(path) as writer:
        one, two = begin(writer, "one"), begin(writer, "two")
        writer.record(one, [record(0, 0.5, 5.0, b"same"), record(1, 0.5, 5.0, b"same")])
        writer.record(two, [record(0, 0.5, 5.0, b"same")])
        assert files(path) == named(b"same")
        writer.record(one, [record(2, 0.1, 1.0, b"more")])
        assert files(path) == named(b"same", b"more")
        writer.record(two, [record(1, 0.1, 1.0)])
        assert files(path) == named(b"more")


def test_a_failed_transaction_leaves_no_row_and_the_next_start_no_file(path: Path) -> None:
    with Writer.open(path) as writer:
        study = begin(writer)
        writer.record(study, [record(0, 0.5, 5.0, b"zero")])

        def lost() -> bytes:
            raise ConnectionError("the worker is gone")

        with pytest.raises(ConnectionError):
            writer.record(study, [record(1, 0.1, 9.0, b"one"), record(2, 0.2, 4.0, lost)])
        assert kept(path) == [(0, 4)]
    folder = path.with_name("a.db.artifacts")
    (folder / "00").mkdir(exist_ok=True)
    (folder / "00" / f"{'0' * 64}.part").write_bytes(b"half")
    (folder / "00" / "notes.txt").write_bytes(b"mine")
    Writer.open(path).close()
    assert files(path) == {**named(b"zero"), "00/notes.txt": b"mine"}


def test_a_disk_that_cannot_be_written_is_an_archive_error(path: Path) -> None:
    path.with_name("a.db.artifacts").write_text("a file where the folder should be")
    with Writer.open(path) as writer:
        study = begin(writer)
        with pytest.raises(ArchiveError, match="cannot be written"):
            writer.record(study, [record(0, 0.5, 5.0, b"zero")])
        assert writer.record(study, [record(0, 0.5, 5.0)]).front == (0,)


@pytest.mark.parametrize("normalised", [True, False])
def test_a_trained_network_comes_back(path: Path, plugins: Plugins, normalised: bool) -> None:
    trained = network(normalised=normalised)
    with Writer.open(path) as writer:
        study = begin(writer)
        weights = save(trained.state_dict())
        (trial,) = writer.record(study, [record(0, 0.5, 5.0, weights)]).trials
        state = torch.get_rng_state()
        with nas.Archive(path) as archive:
            loaded = archive.load_model(trial.id, plugins=plugins)
            assert archive.space(plugins=plugins).input_shape == (2, 3, 3)
    assert torch.equal(torch.get_rng_state(), state)
    assert not loaded.training
    inputs = torch.randint(0, 255, (6, 2, 3, 3)).float()
    assert torch.equal(loaded(inputs), trained(inputs))


def test_trials_without_weights_name_those_that_have_them(path: Path) -> None:
    with Writer.open(path) as writer:
        study = begin(writer)
        trials = writer.record(
            study,
            [
                record(0, 0.9, 9.0, b"x"),
                record(1, 0.5, 5.0, b"y"),
                record(2, 0.4, 7.0, b"z"),
                record(3, 0.3, 8.0),
            ],
        ).trials
        with nas.Archive(path) as archive:
            for trial in (trials[0], trials[3]):
                with pytest.raises(ArchiveError, match=r"on the front only; .* those of 2, 3$"):
                    archive.load_model(trial.id)
            writer.record(study, [record(4, 0.1, 1.0)])
            with pytest.raises(ArchiveError, match="those of none"):
                archive.load_model(trials[1].id)


def test_weights_that_are_not_what_was_stored_are_refused(path: Path, plugins: Plugins) -> None:
    good = save(network(normalised=True).state_dict())
    with Writer.open(path) as writer:
        study = begin(writer)
        contents = [good, b"no safetensors", save({"normalise.mean": torch.zeros(1)})]
        records = [record(n, 0.1 + n, 9.0 - n, content) for n, content in enumerate(contents)]
        damaged, unreadable, unfitting = writer.record(study, records).trials
    with nas.Archive(path) as archive:
        for trial in (unreadable, unfitting):
            with pytest.raises(ArchiveError, match=f"weights of trial {trial.id} do not fit"):
                archive.load_model(trial.id, plugins=plugins)
        (artifact,) = archive.details(damaged.id).artifacts
        assert (artifact.kind, artifact.bytes) == ("weights", len(good))
        file = path.with_name("a.db.artifacts") / artifact.sha256[:2]
        file = file / f"{artifact.sha256}.safetensors"
        file.write_bytes(good[:-1] + b"\0")
        with pytest.raises(ArchiveError, match="damaged"):
            archive.load_model(damaged.id, plugins=plugins)
        file.unlink()
        with pytest.raises(ArchiveError, match="move both together"):
            archive.load_model(damaged.id, plugins=plugins)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_no_path_leads_out_of_the_folder(path: Path, plugins: Plugins, name: str) -> None:
    with Writer.open(path) as writer:
        study = begin(writer)
        (trial,) = writer.record(study, [record(0, 0.5, 5.0, b"zero")]).trials
    connection = sqlite3.connect(path)
    connection.execute("UPDATE artifacts SET sha256 = ?", (name,))
    connection.commit()
    connection.close()
    with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="no SHA-256"):
        archive.load_model(trial.id, plugins=plugins)


def test_a_space_that_no_plugin_offers_is_named(path: Path) -> None:
    with Writer.open(path) as writer:
        begin(writer)
    with nas.Archive(path) as archive, pytest.raises(nas.ComponentError, match="grid:grid"):
        archive.space()
