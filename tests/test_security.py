"""What SECURITY.md promises of files from strangers, and of what a search opens to the network."""

from __future__ import annotations

import ast
import hashlib
import os
import pickle
import re
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas
from nas import Architecture, ArchiveError, DatasetError, Goal, Status, Trial
from nas.archive.artifacts import Artifacts
from nas.archive.models import load_network
from nas.archive.opening import open_for_reading, open_for_writing
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.engine.progress import Plan, Progress
from nas.plugins import Plugins
from nas.study import Study

ROOT = Path(__file__).parents[1]
TOY = ROOT / "tests/files/toy.py"
SOURCES = [p for at in ("nas", "plugins", "search_spaces") for p in (ROOT / at).rglob("*.py")]
MLP = ComponentRecord("space", "mlp:mlp", {"input_shape": [4], "classes": 2}, "plugnas", "0")
DEEP = "[" * 100_000 + "]" * 100_000


class Bomb:
    """Leaves a trace if it is ever unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What must not be there when a test ends."""
    return tmp_path / "trace"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An archive with a trial and its weights."""
    path = tmp_path / "a.db"
    with Writer.open(path) as writer:
        study = writer.study(Study("s", "", (Goal("error"),), {"seed": 1}, 0, 1), [MLP])
        trial = Trial(0, Architecture({"n": 1}), Status.COMPLETE, (0.5,), metrics={"error": 0.5})
        writer.record(study, [Record(trial, "c0", "", weights=lambda: b"weights")])
    return path


def forge(path: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    """Change an archive as anybody with SQLite can."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for statement in statements:
        connection.execute(statement, values)
    connection.close()


def everything(archive: nas.Archive) -> None:
    """Read all that an archive gives."""
    archive.studies()
    archive.trials()
    archive.front()
    archive.state()
    for trial in archive.trials():
        archive.details(trial.id)
    archive.components()
    archive.sessions()
    archive.scores()


class TestCode:
    """Of the whole program: there is no place where a file's content could become code."""

    def test_what_executes_or_unpickles_is_known(self) -> None:
        found = set()
        for path in SOURCES:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    if name in ("eval", "exec", "__import__") or re.fullmatch(
                        r"(pickle|cloudpickle|dill|marshal|shelve|joblib|torch|np|numpy|yaml)"
                        r"\.(loads?|open|unsafe_load)|runpy\.run_\w+",
                        name,
                    ):
                        found.add((path.relative_to(ROOT).as_posix(), ast.unparse(node)))
        source = "exec(compile(source.code, 'source', 'exec', dont_inherit=True), names)"
        assert found == {
            ("nas/plugin_file.py", "exec(code, module.__dict__)"),
            ("nas/scaffold/examples/arrays.py", "np.load(path)"),  # which reads no pickles
            ("nas/testing/laws/predictors.py", "pickle.loads(text)"),  # what was just written
            ("nas/testing/laws/space_networks.py", source),  # of the plugin that is checked
            ("plugins/nas_exporters/alone.py", "runpy.run_path(path)"),  # what was just written
            ("plugins/nas_datasets/npz.py", "np.load(file, allow_pickle=False)"),
        }

    def test_nothing_imports_pickle(self) -> None:
        readers = "pickle|cloudpickle|dill|shelve|marshal"
        imports = re.compile(rf"^\s*(?:import|from) (?:{readers})\b", re.MULTILINE)
        found = [p for p in SOURCES if imports.search(p.read_text(encoding="utf-8"))]
        assert found == [ROOT / "nas/testing/laws/predictors.py"]  # whether predictors can be


class TestArchives:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE studies SET config = ?",
            "UPDATE studies SET goals = ?",
            "UPDATE architectures SET decisions = ?",
            "UPDATE components SET parameters = ?",
        ],
    )
    def test_no_pickle_is_read(self, path: Path, trace: Path, change: str) -> None:
        forge(path, change, values=(pickle.dumps(Bomb(trace)),))
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match="damaged"):
            everything(archive)
        assert not trace.exists()

    @pytest.mark.parametrize(
        ("change", "value"),
        [
            ("UPDATE studies SET config = ?", DEEP),
            ("UPDATE studies SET config = ?", "9" * 10_000),
            ("UPDATE studies SET config = ?", "{"),
            ("UPDATE studies SET goals = ?", "3"),
            ("UPDATE studies SET goals = ?", '[{"evil": 1}]'),
            ("UPDATE architectures SET decisions = ?", DEEP),
            ("UPDATE architectures SET decisions = ?", '{"a": [1]}'),
            ("UPDATE components SET parameters = ?", DEEP),
            ("UPDATE trials SET status = ?", "evil"),
            ("UPDATE trials SET seconds = ?", "evil"),
            ("UPDATE metrics SET value = ?", "evil"),
            ("UPDATE sessions SET heartbeat = ?", "evil"),
            ("UPDATE sessions SET pid = ?", "evil"),
            ("UPDATE sessions SET state = ?", "[1]"),
            ("UPDATE sessions SET state = ?", DEEP),
        ],
    )
    def test_what_makes_no_sense_is_an_error_that_names_the_file(
        self, path: Path, change: str, value: str
    ) -> None:
        forge(path, change, values=(value,))
        with nas.Archive(path) as archive, pytest.raises(ArchiveError, match=r"a\.db' is damaged"):
            everything(archive)

    @pytest.mark.parametrize("value", [DEEP, "{", "3"])
    def test_a_search_that_goes_on_with_nonsense_is_an_error(self, path: Path, value: str) -> None:
        forge(path, "UPDATE studies SET name = 's', goals = ?", values=(value,))
        config = {
            "study": "s",
            "objectives": ["total"],
            "space": "toy",
            "evaluator": "tally",
            "strategy": "listed",
            "stop": {"trials": 1},
            "run": {"executor": "inline"},
        }
        with pytest.raises(ArchiveError, match="damaged"):
            nas.search(config, path, plugins=[TOY])

    def test_no_schema_is_trusted(self, path: Path) -> None:
        for connection in (open_for_reading(path)[0], open_for_writing(path)):
            assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
            connection.close()

    def test_a_view_or_trigger_of_a_stranger_calls_nothing(self, path: Path) -> None:
        view = "CREATE VIEW trials_wide AS SELECT load_extension('evil') AS evil"
        forge(path, "DROP VIEW trials_wide", view)
        with nas.Archive(path) as archive, pytest.raises(ArchiveError):
            list(archive.query("SELECT * FROM trials_wide")[1])
        action = "BEGIN SELECT load_extension('evil'); END"
        forge(path, f"CREATE TRIGGER t BEFORE UPDATE ON studies {action}")
        with Writer.open(path) as writer:
            study = writer.existing("s")
            assert study is not None
            with pytest.raises(ArchiveError):
                writer.close_session(study, "finished", "")


class TestArtifacts:
    """Paths from an archive, and links that come with a copied folder, lead nowhere."""

    CONTENT = b"somebody else's"

    def test_a_linked_folder_is_not_cleaned_up(self, path: Path, tmp_path: Path) -> None:
        others = tmp_path / "others" / "ab"
        others.mkdir(parents=True)
        precious = others / f"{'ab' * 32}.safetensors"
        precious.write_bytes(self.CONTENT)
        folder = Artifacts(path).folder
        (folder / "ab").symlink_to(others)
        Writer.open(path).close()
        assert precious.exists()
        folder.rename(tmp_path / "away")
        folder.symlink_to(others.parent)
        Writer.open(path).close()
        assert precious.exists()

    @pytest.mark.parametrize("level", ["folder", "subfolder", "file", "part"])
    def test_nothing_is_read_or_written_through_a_link(self, tmp_path: Path, level: str) -> None:
        artifacts = Artifacts(tmp_path / "a.db")
        sha256 = hashlib.sha256(self.CONTENT).hexdigest()
        place, elsewhere = artifacts.path(sha256), tmp_path / "elsewhere"
        at = {
            "folder": artifacts.folder,
            "subfolder": place.parent,
            "file": place,
            "part": place.with_suffix(".part"),
        }[level]
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(elsewhere)
        with pytest.raises(ArchiveError, match="symbolic link"):
            artifacts.add(1, self.CONTENT)
        with pytest.raises(ArchiveError, match="symbolic link"):
            artifacts.read(sha256)
        assert not elsewhere.exists()


class TestWeights:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff" * 8 + b"{}",
            (2**62).to_bytes(8, "little") + b"{}",
            (100).to_bytes(8, "little") + b"{" * 100,
            (2).to_bytes(8, "little") + b"{}",
        ],
        ids=["empty", "length -1", "giant header", "no JSON", "no tensors"],
    )
    def test_a_file_that_lies_is_refused(self, content: bytes) -> None:
        self.refused(content)

    def test_a_pickle_is_not_read(self, trace: Path) -> None:
        self.refused(pickle.dumps(Bomb(trace)))
        assert not trace.exists()

    def refused(self, content: bytes) -> None:
        space = Plugins().build("space", "mlp", input_shape=(4,), classes=2)
        architecture = space.sample(np.random.default_rng(0))
        with pytest.raises(ArchiveError, match="weights of trial 1 do not fit"):
            load_network(space, architecture, content, "trial 1")


class TestTables:
    def test_no_object_array_is_unpickled(self, tmp_path: Path, trace: Path) -> None:
        path = tmp_path / "data.npz"
        bombs = np.array([Bomb(trace)], dtype=object)
        np.savez(path, x=bombs, y=np.arange(1))
        with pytest.raises(DatasetError, match="cannot be read"):
            Plugins().build("dataset", "npz", path=str(path)).load()
        assert not trace.exists()

    def test_a_pickle_is_no_table(self, tmp_path: Path, trace: Path) -> None:
        path = tmp_path / "data.npz"
        path.write_bytes(pickle.dumps(Bomb(trace)))
        with pytest.raises(DatasetError, match=r"expected a \.npz file"):
            Plugins().build("dataset", "npz", path=str(path)).load()
        assert not trace.exists()


class TestConfigs:
    @pytest.mark.parametrize("name", ["os:system", "__import__('os')", "../evil", "mlp:__class__"])
    def test_a_name_is_looked_up_never_evaluated(self, tmp_path: Path, name: str) -> None:
        config = {
            "study": "s",
            "objectives": ["error"],
            "space": name,
            "evaluator": "train",
            "strategy": "random",
            "data": "digits",
            "stop": {"trials": 1},
        }
        with pytest.raises(nas.ComponentError):
            nas.search(config, tmp_path / "a.db")

    def test_a_deep_one_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "deep.toml"
        path.write_text(f"study = {DEEP}")
        with pytest.raises(nas.ConfigError, match=r"deep\.toml"):
            nas.Config.load(path)


RAY = """
import os
from nas.executors import ray_settings
ray_settings.apply()
import ray
from ray._common.usage import usage_lib
print(usage_lib.usage_stats_enabled())
print(os.environ["RAY_USAGE_STATS_ENABLED"])
"""


IMPORTED_BEFORE = """
import os, sys, ray, nas
config = {
    "study": "s", "objectives": ["total"], "space": "toy", "evaluator": "tally",
    "strategy": "listed", "stop": {"trials": 2}, "run": {"workers": 1},
}
found = nas.search(config, sys.argv[2], plugins=[sys.argv[1]])
print(len(found.trials), os.environ["RAY_AUTH_MODE"])
"""


def listening(root: int) -> dict[str, set[str]]:
    """Return the local addresses, as the kernel writes them, that a process and its own wait at."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = stat.read_text()
            parents[int(text.split()[0])] = int(text.rpartition(")")[2].split()[1])
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    found: dict[str, set[str]] = {}
    for pid in family:
        with suppress(OSError):
            sockets = {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            for table in ("tcp", "tcp6"):
                for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                        found.setdefault(name, set()).add(fields[1].partition(":")[0])
    return found


class Ports:
    """An observer that looks at the ports while trials run."""

    def __init__(self) -> None:
        self.seen: dict[str, set[str]] = {}

    def started(self, study: Study, plan: Plan) -> None: ...

    def progress(self, progress: Progress) -> None:
        for name, addresses in listening(os.getpid()).items():
            self.seen.setdefault(name, set()).update(addresses)

    def finished(self, study: Study, reason: str) -> None: ...


class TestRay:
    @pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads Linux's /proc")
    def test_a_local_one_listens_on_loopback_alone(self, tmp_path: Path) -> None:
        config = {
            "study": "s",
            "objectives": ["total"],
            "space": "toy",
            "evaluator": "tally",
            "strategy": "listed",
            "stop": {"trials": 8},
            "run": {"workers": 1},
        }
        ports = Ports()
        nas.search(config, tmp_path / "a.db", plugins=[TOY], observer=ports)
        assert {"gcs_server", "raylet"} <= ports.seen.keys()
        loopback = {"0100007F", "0000000000000000FFFF00000100007F", f"{1 << 24:032X}"}
        assert {n: a for n, a in ports.seen.items() if not a <= loopback} == {}

    def test_usage_statistics_are_off(self) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "RAY_USAGE_STATS_ENABLED"}
        done = subprocess.run(
            [sys.executable, "-c", RAY], capture_output=True, text=True, env=environment, check=True
        )
        assert done.stdout.split() == ["False", "0"]

    def test_who_has_imported_ray_before_searches_with_the_token_all_the_same(
        self, tmp_path: Path
    ) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "RAY_AUTH_MODE"}
        done = subprocess.run(
            [sys.executable, "-c", IMPORTED_BEFORE, str(TOY), str(tmp_path / "a.db")],
            capture_output=True,
            text=True,
            env={**environment, "RAY_AUTH_TOKEN": secrets.token_hex(32)},
        )
        assert done.stdout.split() == ["2", "token"], done.stderr

    def test_token_authentication_is_never_turned_off(self) -> None:
        from nas.executors import ray_settings

        assert "disabled" not in ray_settings.SETTINGS.values()
        off = re.compile(r"AUTH_MODE[\"'\]]*\s*[:=,]\s*[\"']disabled")
        assert [path for path in SOURCES if off.search(path.read_text(encoding="utf-8"))] == []


def test_the_tests_that_security_md_names_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) == 5
    assert [name for name in named if not (ROOT / name).is_file()] == []
