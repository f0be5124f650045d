"""How ``nas`` starts and ends: what it imports, commands of plugins, pipes, encodings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

Nas = Callable[..., Any]

HEAVY = ("torch", "ray", "nevergrad", "sqlite_utils", "sklearn", "pandas", "networkx")
IMPORTED = f"""
import sys
from nas.cli.main import main
code = main()
sys.stderr.write("imported " + " ".join(m for m in {HEAVY} if m in sys.modules) + "\\n")
sys.exit(code)
"""


def imported(*words: object) -> list[str]:
    """Return which of ``HEAVY`` a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("imported"))
    return line.split()[1:]


def test_what_answers_at_once_imports_nothing_heavy(archive: Path) -> None:
    assert imported("--help") == []
    assert imported("front", archive) == []
    assert imported("trials", archive) == []
    assert imported("query", archive, "SELECT 1") == []


def test_the_check_can_fail(archive: Path) -> None:
    assert "torch" in imported("space", "mlp")


def test_the_installed_command_is_the_module() -> None:
    command = Path(sys.executable).parent / "nas"
    if not command.exists():
        pytest.skip("nas is not installed in this environment")
    for words in ([str(command)], [sys.executable, "-m", "nas"]):
        done = subprocess.run(
            [*words, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout.strip() == version("plugnas")


def test_help_lists_every_command_in_one_line_each(nas: Nas) -> None:
    done = nas("--help", COLUMNS="80")
    assert done.code == 0
    listed = done.out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == [
        *("search", "resume", "status", "front", "trials", "show", "query", "studies"),
        *(
            "compare",
            "savings",
            "report",
            "ui",
            "train",
            "test",
            "reproduce",
            "export",
            "import",
            "merge",
            "vacuum",
            "doctor",
            "space",
            "score",
            "rank",
            "predict",
            "train-prior",
            "benchmark",
            "new-plugin",
            "plot",
            "plugins",
        ),
    ]
    assert not any("..." in line for line in listed)
    assert done.out == nas("-h", COLUMNS="80").out


@pytest.mark.parametrize(
    "command", ["search", "front", "show", "score", "rank", "predict", "benchmark", "plugins"]
)
def test_each_command_has_help(nas: Nas, command: str) -> None:
    done = nas(command, "--help", COLUMNS="80")
    assert done.code == 0
    assert done.out.startswith(f"Usage: nas {command}")
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["serch"], "Did you mean 'search'"),
        (["front", "--jsn"], "--json"),
        (["trials", "--limit", "x"], "limit"),
        (["show"], "ARCHIVE"),
        (["front", "absent.db"], "there is no archive 'absent.db'"),
        (["show", "absent.db", "1"], "there is no archive 'absent.db'"),
        (["query", "absent.db", "SELECT 1"], "there is no archive 'absent.db'"),
        (["front", "."], "folder"),
    ],
)
def test_a_mistake_is_exit_code_2_without_traceback(nas: Nas, words: list[str], named: str) -> None:
    done = nas(*words)
    assert (done.code, done.out) == (2, "")
    assert named in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("digits.toml", ["search", "digit.toml"]),
        ("folder/digits.toml", ["search", "folder/digit.toml"]),
        ("digits.toml", ["search", "digits.tml"]),
        ("found.db", ["front", "found.bd"]),
        ("found.db", ["front", "fuond.db"]),
        ("bench.toml", ["benchmark", "bensh.toml"]),
        ("proxy.py", ["plugins", "--plugin", "proxi.py"]),
    ],
)
def test_a_file_that_is_not_there_and_the_nearest_that_is(
    nas: Nas, tmp_path: Path, there: str, words: list[str]
) -> None:
    (tmp_path / there).parent.mkdir(exist_ok=True)
    (tmp_path / there).write_text("")
    (tmp_path / there).with_name("quite-another.toml").write_text("")
    done = nas(*words)
    assert (done.code, done.out) == (2, "")
    assert f" Did you mean '{there}'?" in done.err


def test_a_file_of_another_kind_is_not_meant(nas: Nas, tmp_path: Path) -> None:
    for name in ("found.toml", "found.db-wal"):
        (tmp_path / name).write_text("")
    done = nas("front", "found.db")
    assert done.code == 2
    assert "Did you mean" not in done.err


def test_files_that_are_no_archives(nas: Nas, tmp_path: Path, archive: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("hello")
    (tmp_path / "cut.db").write_bytes(archive.read_bytes()[:5000])
    for name in ("empty.db", "text.db", "cut.db"):
        before = (tmp_path / name).read_bytes()
        done = nas("front", name)
        assert (done.code, done.out) == (2, "")
        assert name in done.err
        assert done.err.count("\n") == 1
        assert (tmp_path / name).read_bytes() == before


def test_a_reader_that_goes_away(archive: Path) -> None:
    """As ``| head`` does: whatever was to come, nobody complains."""
    product = "SELECT a.* FROM trials a, trials b, trials c, trials d, trials e"
    for words in (["query", archive, product, "--csv"], ["query", archive, product]):
        with subprocess.Popen(
            [sys.executable, "-m", "nas", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.readline()
            running.stdout.close()
            assert running.stderr.read() == b""
        assert running.returncode == 1


def test_a_full_disk_is_one_line(archive: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full here")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "nas", "front", str(archive)],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_a_terminal_without_unicode(archive: Path, nas_process: Nas) -> None:
    done = nas_process("front", archive, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "77,850" in done.stdout


class TestCommandsOfPlugins:
    PLUGIN = """
import nas
import sys

@nas.hookimpl
def nas_commands(cli):
    @cli.command()
    def greet(name: str) -> None:
        "Say hello."
        print(f"hello {name}")

    @cli.command()
    def front() -> None:
        "Pretend to be built in."
        print("not the front")
"""

    @pytest.fixture
    def run(self, tmp_path: Path, nas_process: Nas) -> Nas:
        """Return what runs ``nas`` with two plugins installed: one greets, one is broken."""
        site = tmp_path / "site"
        install(site, "greeter", self.PLUGIN)
        install(site, "grumpy", "import nas\n@nas.hookimpl\ndef nas_commands(cli):\n    1 / 0\n")
        path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
        return lambda *words, **env: nas_process(*words, env={"PYTHONPATH": path, **env})

    def test_it_is_in_the_help_and_works(self, run: Nas) -> None:
        done = run("--help")
        assert done.returncode == 0
        assert "greet" in done.stdout
        assert "Say hello." in done.stdout
        done = run("greet", "you")
        assert (done.returncode, done.stdout) == (0, "hello you\n")

    def test_a_built_in_name_cannot_be_taken(self, run: Nas, archive: Path) -> None:
        done = run("--help")
        assert "'greeter': its command 'front' is a built-in command; left out" in done.stderr
        assert "Pretend" not in done.stdout
        assert run("front", archive).stdout.startswith("Front of digits")

    def test_a_hook_that_raises_is_named_and_the_rest_works(self, run: Nas) -> None:
        done = run("greet", "you")
        assert "'grumpy': nas_commands raised: ZeroDivisionError" in done.stderr
        assert "Traceback" not in done.stderr

    def test_built_in_commands_never_ask(self, run: Nas, archive: Path) -> None:
        done = run("front", archive)
        assert (done.returncode, done.stderr) == (0, "")

    def test_disabled_plugins_are_not_asked(self, run: Nas) -> None:
        done = run("greet", "you", NAS_DISABLE_PLUGINS="greeter, grumpy")
        assert done.returncode == 2
        assert "No such command 'greet'" in done.stderr
        assert "grumpy" not in done.stderr

    def test_one_that_cannot_be_imported_is_named(self, run: Nas, tmp_path: Path) -> None:
        install(tmp_path / "site", "absent", "import does_not_exist\n")
        done = run("--help")
        assert done.returncode == 0
        assert "'absent': was not loaded: ModuleNotFoundError" in done.stderr


def install(site: Path, name: str, source: str) -> None:
    """Lay out an installed distribution with one plugin."""
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (site / f"{name}.py").write_text(source)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[nas]\n{name} = {name}\n")


def test_plugins_lists_what_is_broken(tmp_path: Path, nas_process: Nas) -> None:
    site = tmp_path / "site"
    install(site, "absent", "import does_not_exist\n")
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
    done = nas_process("plugins", env={"PYTHONPATH": path})
    assert done.returncode == 0
    assert "✗ absent (absent 1.0)\n" in done.stdout
    assert "No module named 'does_not_exist'" in " ".join(done.stdout.split())
    listed = json.loads(nas_process("plugins", "--json", env={"PYTHONPATH": path}).stdout)
    (broken,) = (plugin for plugin in listed["plugins"] if plugin["name"] == "absent")
    assert "does_not_exist" in broken["error"]
    assert (broken["distribution"], broken["version"]) == ("absent", "1.0")
