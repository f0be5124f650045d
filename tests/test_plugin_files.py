"""A single file as a plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas import PluginError
from nas.plugins import DISABLE, PluginFile, Plugins

SOURCE = '''
"""A proxy in one file, with a dataclass and annotations that are looked up."""

from dataclasses import dataclass

from nas import Component, Proxy, hookimpl


@dataclass(frozen=True)
class Weights(Proxy):
    scale: int = 1

    def compute(self, network, inputs, targets) -> float:
        return float(self.scale * sum(p.numel() for p in network.parameters()))


@hookimpl
def nas_proxies() -> list[Component]:
    return [Component("weights", Weights, "counts weights")]
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file that is a plugin named ``weigh``."""
    path = tmp_path / "weigh.py"
    path.write_text(SOURCE)
    return path


def alone(*files: PluginFile) -> Plugins:
    """Return the plugin layer with these files and nothing that is installed."""
    return Plugins(files, disabled=[p.name for p in Plugins().loaded])


def test_works(path: Path) -> None:
    file = PluginFile.read(path)
    layer = alone(file)
    item = layer.registry("proxy").find("weigh:weights")
    assert (item.distribution, item.version) == ("(file)", file.version)
    built = layer.build("proxy", "weights", scale=3)
    assert built.scale == 3
    assert built == layer.build("proxy", "weights", scale=3)


def test_beside_what_is_installed(path: Path) -> None:
    names = Plugins([PluginFile.read(path)]).registry("proxy").names()
    assert {"weights", "gradsign"} <= set(names)


def test_without_any_built_in(path: Path) -> None:
    code = """
import json, sys
from nas.plugins import PluginFile, Plugins
plugins = Plugins([PluginFile.read(sys.argv[1])])
built = plugins.build("proxy", "weights", scale=3)
print(json.dumps([list(plugins.names()), built.scale]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, DISABLE: ",".join(p.name for p in Plugins(disabled=()).loaded)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout) == [["weigh"], 3]


def test_travels_as_text(path: Path) -> None:
    file = PluginFile.read(path)
    path.unlink()
    assert alone(file).build("proxy", "weights").scale == 1


def test_version_is_the_content() -> None:
    one, same, other = (PluginFile("a", "a.py", text) for text in ("x = 1", "x = 1", "x = 2"))
    assert one.version == same.version != other.version
    assert one.version.startswith("sha256:")


def test_it_is_compiled_as_written() -> None:
    """No ``from __future__`` of ours leaks into it."""
    assert PluginFile("a", "a.py", "def f(x: int): ...").load().f.__annotations__ == {"x": int}


def test_a_traceback_names_its_lines() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        PluginFile("a", "where/a.py", "\n\n1 / 0").load()
    last = caught.traceback[-1]
    assert str(last.path).endswith("a.py")
    assert last.lineno + 1 == 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:", "'mine' was not loaded: SyntaxError"),
        ("import no_such_module", "'mine' was not loaded: ModuleNotFoundError"),
        ("x = 1", "'mine' was not loaded: it implements no hook"),
        ("raise SystemExit(3)", "'mine' was not loaded: SystemExit"),
    ],
)
def test_broken_is_an_error(source: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        alone(PluginFile("mine", "mine.py", source))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "no text"])
def test_unreadable(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.py"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PluginError, match=r"plugin file '.*mine\.py' cannot be read"):
        PluginFile.read(path)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="cannot be read"):
        PluginFile.read(tmp_path)


def test_named_like_another() -> None:
    source = "import nas\n@nas.hookimpl\ndef nas_proxies(): return []"
    with pytest.raises(PluginError, match="two plugins are named 'twin'"):
        alone(*(PluginFile("twin", path, source) for path in ("here.py", "there.py")))


def test_named_like_an_installed_one() -> None:
    source = "import nas\n@nas.hookimpl\ndef nas_proxies(): return []"
    with pytest.raises(PluginError, match="two plugins are named 'proxies'"):
        Plugins([PluginFile("proxies", "proxies.py", source)], disabled=())
