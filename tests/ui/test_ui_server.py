"""``nas ui`` starts, says where it is, and ends; ``datasette`` alone finds the pages as well."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import urllib.error
from pathlib import Path

import pytest
from serving import fetch, serving


def ui(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``nas ui`` where it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "nas", "ui", *map(str, arguments), "--no-browser"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_end_it(archive, how) -> None:
    with serving(archive) as served:
        assert "searches.db" in fetch(served.overview)
        served.process.send_signal(how)
        out, err = served.process.communicate(timeout=20)
        assert (served.process.returncode, out, err) == (0, "", "")


class TestStart:
    def test_a_port_that_is_taken(self, archive) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            done = ui(archive, "--port", port)
        assert done.returncode == 2
        assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in done.stderr
        assert "without --port a free one is taken" in done.stderr

    def test_two_at_once_take_two_ports(self, archive) -> None:
        with (
            serving(archive, "--host=127.0.0.1") as one,
            serving(archive, "--host=127.0.0.1") as two,
        ):
            assert one.root != two.root
            assert fetch(one.overview) == fetch(two.overview)

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (None, "there is no archive"),
            (b"", "is an empty file, not an archive"),
            (b"something else entirely", "is no archive: not an SQLite file"),
        ],
    )
    def test_what_is_no_archive(self, tmp_path, content, told) -> None:
        path = tmp_path / "x.db"
        if content is not None:
            path.write_bytes(content)
        done = ui(path)
        assert done.returncode == 2
        assert told in done.stderr
        assert path.exists() == (content is not None)

    def test_somebody_elses_database(self, tmp_path) -> None:
        path = tmp_path / "x.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t (x)")
        connection.close()
        assert "an SQLite file, but not written by nas" in ui(path).stderr

    def test_a_host_that_is_not_there(self, archive) -> None:
        done = ui(archive, "--host", "no.such.host.invalid")
        assert done.returncode == 2
        assert "there is no such address" in done.stderr

    def test_a_plugin_that_is_not_there(self, archive) -> None:
        assert ui(archive, "--plugin", "nothing.py").returncode == 2

    def test_without_datasette(self, archive, tmp_path) -> None:
        (tmp_path / "sitecustomize.py").write_text(
            "import importlib.util as u\n"
            "found = u.find_spec\n"
            "u.find_spec = lambda name, *a: None if name == 'datasette' else found(name, *a)\n"
        )
        done = ui(archive, PYTHONPATH=str(tmp_path))
        assert done.returncode == 2
        assert "nas ui needs datasette: pip install 'plugnas[ui]'" in done.stderr


class TestReadOnly:
    def test_nothing_changes(self, archive, tmp_path) -> None:
        path = tmp_path / "copy.db"
        shutil.copy(archive, path)
        before = path.read_bytes()
        with serving(path) as served:
            for page in ("", "/studies/1", "/trials/1", "/studies/1/points"):
                fetch(served.overview + page)
            fetch(f"{served.root}/copy/trials")
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(f"{served.root}/copy.json?sql=delete+from+trials")
            refused.value.close()
        assert path.read_bytes() == before

    def test_no_connection_of_datasette_can_write(self, archive, tmp_path) -> None:
        path = tmp_path / "copy.db"
        shutil.copy(archive, path)
        code = f"""
import asyncio, sqlite3
from datasette.app import Datasette
datasette = Datasette([{str(path)!r}])
try:
    asyncio.run(datasette.get_database("copy").execute_write("DELETE FROM trials"))
except sqlite3.OperationalError as error:
    print(error)
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert "readonly database" in done.stdout, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_a_folder_that_cannot_be_written(archive) -> None:
    """Nothing is left beside the archive, and a person is told what that means."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    rights = "-dac_override,-dac_read_search"
    within = [setpriv, f"--bounding-set={rights}", f"--inh-caps={rights}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        shutil.copyfile(archive, path)
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        with serving(path, within=within if os.geteuid() == 0 else ()) as served:
            assert "cannot be written" in served.process.stdout.readline()
            assert "cells" in fetch(served.overview)
            assert "<h1" in fetch(f"{served.root}/a/trials_wide")
            assert [found.name for found in Path(folder).iterdir()] == ["a.db"]
        Path(folder).chmod(0o755)


class TestDatasetteAlone:
    def get(self, path: Path, page: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "datasette", "serve", str(path), "--get", page],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_it_finds_our_pages(self, archive) -> None:
        assert "cells" in self.get(archive, "/-/nas/searches")

    def test_and_leads_to_them(self, archive) -> None:
        assert 'href="/-/nas/searches"' in self.get(archive, "/searches")

    def test_but_not_for_other_databases(self, tmp_path) -> None:
        path = tmp_path / "x.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE t (x)")
        connection.close()
        assert "/-/nas" not in self.get(path, "/x")
        plugins = json.loads(self.get(path, "/-/plugins.json"))
        assert "plugnas" in [plugin["name"] for plugin in plugins]


def test_the_documented_command(archive, tmp_path) -> None:
    page = (Path(__file__).parents[2] / "docs/ui.md").read_text()
    command = next(line for line in page.splitlines() if line.startswith("nas ui"))
    shutil.copy(archive, tmp_path / "nas.db")
    with serving(tmp_path / shlex.split(command)[2], "--port=0") as served:
        assert served.overview.endswith("/-/nas/nas")
