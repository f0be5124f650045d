"""Plugins that are installed: found by their entry points, and by nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from nas import ComponentError
from nas.plugins import DISABLE, Plugins

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
BUILT_INS: dict[str, str] = PROJECT["entry-points"]["nas"]


def run(code: str, **environment: str) -> object:
    """Run code in an interpreter of its own and return the JSON that it prints last."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return what puts a plugin of this name and source where installed ones are found."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, source: str) -> None:
        about = tmp_path / f"{name}_dist-2.5.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-dist\nVersion: 2.5\n")
        (about / "entry_points.txt").write_text(f"[nas]\n{name} = plugin_{name}\n")
        (tmp_path / f"plugin_{name}.py").write_text(source)

    return put


def test_entry_points_are_those_of_pyproject() -> None:
    ours = [e for e in entry_points(group="nas") if e.dist and e.dist.name == "plugnas"]
    installed = {e.name: e.value for e in ours}
    assert installed == BUILT_INS, "stale: an install sees no new entry point until repeated"


def test_built_ins_all_work_and_load_like_any_other() -> None:
    layer = Plugins(disabled=())
    assert [p for p in layer.loaded if p.error] == []
    assert set(BUILT_INS) <= set(layer.names())
    for plugin in layer.loaded:
        assert plugin.hooks
        assert plugin.version
    assert layer.registry("proxy").find("gradsign").full_name == "proxies:gradsign"


def test_disabled_by_environment() -> None:
    code = """
        import json
        from nas.plugins import Plugins
        print(json.dumps(sorted(Plugins().names())))
    """
    names = run(code, **{DISABLE: " proxies , mlp,"})
    assert isinstance(names, list)
    assert set(BUILT_INS) - {"proxies", "mlp"} <= set(names)
    assert not {"proxies", "mlp"} & set(names)


def test_disabled_plugins_are_named_when_something_is_missing() -> None:
    with pytest.raises(ComponentError, match=r"gradsign.*disabled plugins: proxies"):
        Plugins(disabled=["proxies"]).registry("proxy").find("gradsign")


def test_finding_and_listing_plugins_stays_light() -> None:
    code = """
        import json, sys
        import nas
        from nas.plugins import KINDS, Plugins
        plugins = Plugins()
        for kind in KINDS:
            for item in plugins.registry(kind):
                plugins.registry(kind).signature(item.full_name)
        heavy = ("torch", "ray", "nevergrad", "sqlite_utils", "sklearn")
        print(json.dumps([name for name in heavy if name in sys.modules]))
    """
    assert run(code) == []


def test_a_broken_one_is_listed_and_named(
    install: Callable[[str, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    install("shaky", "import nas\nraise OSError('no licence file')")
    install("solid", "import nas\n@nas.hookimpl\ndef nas_proxies(): return []")
    layer = Plugins(disabled=[])
    listed = {plugin.name: plugin for plugin in layer.loaded}
    assert listed["shaky"].distribution == "shaky-dist"
    assert listed["shaky"].version == "2.5"
    assert "OSError: no licence file" in listed["shaky"].error
    assert listed["solid"].error == ""
    assert listed["solid"].hooks == ("nas_proxies",)
    assert "shaky" not in set(layer.names())
    assert "no licence file" in caplog.text
    with pytest.raises(ComponentError, match=r"'shakyflow'.*'shaky' was not loaded.*no licence"):
        layer.registry("proxy").find("shakyflow")


def test_with_nothing_disabled_nothing_is_said_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_DISABLE_PLUGINS", raising=False)
    with pytest.raises(ComponentError) as caught:
        Plugins().registry("proxy").find("gradsin")
    assert "Did you mean 'gradsign'?" in str(caught.value)
    assert "disabled" not in str(caught.value)
