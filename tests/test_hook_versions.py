"""Plugins say which hooks they were written for; hooks that are to go still work, and say so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from nas import Component, PluginError, hookimpl, hookspecs
from nas.hookspecs import deprecated, hookspec
from nas.plugins import Loaded, PluginFile, Plugins

INSTALLED = [entry.name for entry in entry_points(group="nas")]
ABOUT = Loaded("mine", "my-dist", "3.0")
SOURCE = """
import nas

nas_hooks = {declared!r}

@nas.hookimpl
def nas_proxies():
    return [nas.Component("x", lambda: 1, "a test")]

@nas.hookimpl
def nas_commands(cli):
    @cli.command()
    def hello() -> None:
        print("hello")
"""


def offer(name: str = "x") -> list[Component]:
    return [Component(name, lambda: 1, "a test")]


def module(declared: object = None, **functions: Callable[..., object]) -> types.ModuleType:
    plugin = types.ModuleType("a_test")
    if declared is not None:
        plugin.__dict__["nas_hooks"] = declared
    for name, function in functions.items():
        setattr(plugin, name, hookimpl(function))
    return plugin


def later(version: str = "1.4") -> types.ModuleType:
    """Return what the specification may be one day: two hooks and an argument are to go."""
    page = types.ModuleType("later")
    page.__dict__.update(vars(hookspecs), VERSION=version)

    @hookspec(warn_on_impl=deprecated("nas_scores", instead="nas_proxies", until="2.0"))
    def nas_scores() -> Iterable[Component]:  # type: ignore[empty-body]
        """What proxies were once called."""

    @hookspec(warn_on_impl=deprecated("nas_done", instead="nas_study_finished", until="2.0"))
    def nas_done(study: object) -> None:
        """What the end was once called."""

    @hookspec(warn_on_impl_args={"trial": DeprecationWarning("take front instead of trial")})
    def nas_front_changed(study: object, front: object, trial: object) -> None:
        """With an argument that is to go."""

    for hook in (nas_scores, nas_done, nas_front_changed):
        page.__dict__[hook.__name__] = hook
    return page


def layer(specification: types.ModuleType = hookspecs) -> Plugins:
    return Plugins(disabled=INSTALLED, specification=specification)


def register(plugins: Plugins, plugin: object, about: Loaded = ABOUT) -> None:
    plugins.register(lambda: plugin, about)


class TestDeclaredVersions:
    @pytest.mark.parametrize("declared", [">=1.0,<2", "~=1.0", "==1.*", ">=0.9", "!=1.3"])
    def test_those_that_fit_are_loaded_and_listed(self, declared: str) -> None:
        plugins = layer()
        register(plugins, module(declared, nas_proxies=offer))
        assert plugins.registry("proxy").names() == ["x"]
        assert plugins.loaded[0].written_for == declared

    def test_one_that_says_nothing_is_loaded(self) -> None:
        plugins = layer()
        register(plugins, module(nas_proxies=offer))
        assert plugins.loaded[0].written_for == ""

    @pytest.mark.parametrize(
        ("declared", "ours", "remedy"),
        [
            (">=2,<3", "1.0", r"newer plugnas \(pip install --upgrade plugnas\)"),
            ("~=1.2", "1.0", "newer plugnas"),
            ("==2.*", "1.0", "newer plugnas"),
            (">=1.0,<2", "2.0", r"newer version of the plugin \(pip install --upgrade my-dist\)"),
            ("<1.3", "1.4", "newer version of the plugin"),
            ("!=1.4", "1.4", "newer version of the plugin"),
        ],
    )
    def test_another_version_leaves_it_out_whole_and_says_what_to_do(
        self, declared: str, ours: str, remedy: str
    ) -> None:
        plugins = layer(later(ours))
        plugin = module(declared, nas_proxies=offer, nas_of_the_future=offer)
        with pytest.raises(PluginError) as caught:
            register(plugins, plugin)
        text = str(caught.value)
        assert text.startswith(
            f"plugin 'mine' was not loaded: it was written for hooks {declared}, and plugnas "
        )
        assert f"has hooks {ours}: take a " in text
        assert re.search(remedy, text)
        assert plugins.registry("proxy").names() == []

    @pytest.mark.parametrize("declared", ["1.0", ">=one", "", 1.0, [">=1"]])
    def test_what_cannot_be_read_is_an_error(self, declared: object) -> None:
        with pytest.raises(PluginError) as caught:
            register(layer(), module(declared, nas_proxies=offer))
        assert f"its nas_hooks = {declared!r} cannot be read" in str(caught.value)
        assert "such as '>=1.0,<2'" in str(caught.value)

    def test_of_a_file_and_of_an_object(self) -> None:
        file = PluginFile("mine", "mine.py", SOURCE.format(declared=">=7"))
        with pytest.raises(PluginError, match=r"'mine'.*for hooks >=7.*has hooks 1\.0"):
            Plugins([file], disabled=INSTALLED)

        class Listener:
            nas_hooks = "<1"

            @hookimpl
            def nas_study_finished(self, reason: str) -> None: ...

        with pytest.raises(PluginError, match=r"'mine'.*for hooks <1,.*has hooks 1\.0"):
            register(layer(), Listener())

    def test_an_installed_one_is_listed_with_the_reason_and_adds_no_command(
        self, tmp_path: Path
    ) -> None:
        about = tmp_path / "future_dist-2.5.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: future-dist\nVersion: 2.5\n")
        (about / "entry_points.txt").write_text("[nas]\nfuture = plugin_of_the_future\n")
        (tmp_path / "plugin_of_the_future.py").write_text(SOURCE.format(declared=">=7"))
        listed = run(tmp_path, "plugins")
        assert listed.returncode == 0
        assert "✗ future (future-dist 2.5)" in listed.stdout
        assert "it was written for hooks >=7" in listed.stdout
        assert "\nhooks 1.0\n" in listed.stdout
        unknown = run(tmp_path, "hello")
        assert unknown.returncode == 2
        assert "'future': was not loaded: it was written for hooks >=7" in unknown.stderr


class TestDeprecatedHooks:
    def test_one_that_registers_still_works_and_warns_by_name(self) -> None:
        plugins = layer(later())
        with pytest.warns(DeprecationWarning, match="nas_scores") as warned:
            register(plugins, module(nas_scores=offer))
        (text,) = (str(one.message) for one in warned)
        assert text == (
            "plugin 'mine': the hook nas_scores is deprecated and goes with hooks 2.0; "
            "implement nas_proxies instead"
        )
        assert plugins.build("proxy", "mine:x") == 1
        (deprecation,) = plugins.loaded[0].deprecations
        assert text.endswith(deprecation)

    def test_one_that_is_told_is_told_what_its_successor_is_told(self) -> None:
        told: list[object] = []
        plugins = layer(later())
        with pytest.warns(DeprecationWarning, match=r"'mine'.*nas_done.*nas_study_finished"):
            register(plugins, module(nas_done=lambda study: told.append(study)))
        plugins.tell("nas_study_finished", study="s", reason="done")
        assert told == ["s"]

    def test_with_both_the_new_one_is_called_and_nothing_is_warned_of(self) -> None:
        told: list[str] = []
        plugins = layer(later())
        both = module(
            nas_scores=offer,
            nas_proxies=lambda: offer("y"),
            nas_done=lambda study: told.append("old"),
            nas_study_finished=lambda reason: told.append(reason),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            register(plugins, both)
        plugins.tell("nas_study_finished", study="s", reason="new")
        assert plugins.registry("proxy").names() == ["y"]
        assert told == ["new"]

    def test_an_argument(self) -> None:
        plugins = layer(later())
        with pytest.warns(DeprecationWarning, match="'mine': take front instead of trial"):
            register(plugins, module(nas_front_changed=lambda trial: None))

    def test_the_order_is_that_of_loading(self) -> None:
        told: list[str] = []
        plugins = layer(later())
        old = module(nas_done=lambda study: told.append("a"))
        with pytest.warns(DeprecationWarning, match="nas_done"):
            register(plugins, old, Loaded("a", "", ""))
        new = module(nas_study_finished=lambda study: told.append("b"))
        register(plugins, new, Loaded("b", "", ""))
        plugins.tell("nas_study_finished", study="s", reason="done")
        assert told == ["a", "b"]

    def test_where_warnings_are_errors_it_is_left_out_whole(self) -> None:
        plugins = layer(later())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(PluginError, match=r"'mine' was not loaded.*nas_scores"):
                register(plugins, module(nas_scores=offer))
        assert list(plugins.names()) == []

    def test_none_is_deprecated_today(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Plugins(disabled=())


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        [sys.executable, "-m", "nas", *words],
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "300"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
