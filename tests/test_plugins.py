"""Plugins: isolated when they are broken, asked once, told of events."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points

import pytest

from nas import Component, PluginError, hookimpl
from nas.plugins import KINDS, Loaded, Plugins


def build(size: int = 1) -> int:
    """Stand for any component."""
    return size


def offer(*names: str) -> list[Component]:
    return [Component(name, build, "a test") for name in names]


def module(**functions: Callable[..., object]) -> types.ModuleType:
    """Return a plugin module; every function in it is marked as a hook."""
    plugin = types.ModuleType("a_test")
    for name, function in functions.items():
        setattr(plugin, name, hookimpl(function))
    return plugin


def loaded(**plugins: object) -> Plugins:
    """Return the plugin layer with these plugins and nothing that is installed."""
    layer = Plugins(disabled=[entry.name for entry in entry_points(group="nas")])
    for name, plugin in plugins.items():
        layer.register(lambda plugin=plugin: plugin, Loaded(name, "dist", "1.0"))
    return layer


def raises() -> list[Component]:
    raise RuntimeError("no GPU\nhere")


def exits() -> list[Component]:
    sys.exit("wrong Python")


def generates() -> Iterator[object]:
    yield Component("x", build, "x")
    yield 3


def unmarked() -> types.ModuleType:
    def helper() -> None: ...

    plugin = module(nas_proxies=lambda: offer("x"))
    plugin.__dict__["nas_objectives"] = plugin.__dict__["nas_helper"] = helper
    return plugin


def wrapped() -> types.ModuleType:
    def around(study: object) -> Iterator[None]:
        yield

    plugin = module(nas_proxies=lambda: offer("x"))
    plugin.__dict__["nas_study_started"] = hookimpl(wrapper=True)(around)
    return plugin


def with_bad_event() -> types.ModuleType:
    return module(nas_proxies=lambda: offer("x"), nas_trial_finished=lambda trail: None)


BROKEN: dict[str, tuple[Callable[[], object], str]] = {
    "import": (lambda: __import__("no_such_module"), "ModuleNotFoundError.*no_such_module"),
    "exits": (lambda: module(nas_proxies=exits), "SystemExit: wrong Python"),
    "unknown": (lambda: module(nas_proxys=lambda: None), "nas_proxys.*Did you mean 'nas_proxies'"),
    "argument": (with_bad_event, "{'trail'}"),
    "unmarked": (unmarked, "mark with @nas.hookimpl: nas_objectives$"),
    "hookless": (lambda: types.ModuleType("empty"), "implements no hook"),
    "wrapper": (wrapped, "cannot be wrapped"),
    "raises": (lambda: module(nas_proxies=raises), "RuntimeError: no GPU here"),
    "texts": (lambda: module(nas_proxies=lambda: ["gradsign"]), "this one holds str"),
    "single": (lambda: module(nas_proxies=lambda: offer("x")[0]), "list.*not Component"),
    "nothing": (lambda: module(nas_proxies=lambda: None), "list.*not NoneType"),
    "late": (lambda: module(nas_proxies=generates), "this one holds int"),
    "twice": (lambda: module(nas_proxies=lambda: offer("x", "x")), "registers proxy 'x' twice"),
    "name": (lambda: module(nas_proxies=lambda: offer("My Proxy")), "'My Proxy': use lower-case"),
    "build": (lambda: module(nas_proxies=lambda: [Component("x", 3, "x")]), "'x': build must be"),
}


class TestBroken:
    @pytest.mark.parametrize(("load", "message"), BROKEN.values(), ids=BROKEN)
    def test_it_is_left_out_whole(self, load: Callable[[], object], message: str) -> None:
        layer = loaded(fine=module(nas_proxies=lambda: offer("fine")))
        with pytest.raises(PluginError, match=message) as caught:
            layer.register(load, Loaded("broken", "dist", "1.0"))
        assert str(caught.value).startswith("plugin 'broken' was not loaded: ")
        assert "\n" not in str(caught.value)
        assert layer.registry("proxy").names() == ["fine"]
        assert list(layer.names()) == ["fine"]
        layer.tell("nas_study_started", study=None)

    def test_the_name_is_free_again(self) -> None:
        layer = loaded()
        with pytest.raises(PluginError):
            layer.register(lambda: module(nas_proxies=raises), Loaded("a", "", ""))
        layer.register(lambda: module(nas_proxies=lambda: offer("x")), Loaded("a", "", ""))
        assert layer.registry("proxy").names() == ["x"]

    def test_two_of_one_name(self) -> None:
        layer = loaded(a=module(nas_proxies=lambda: offer("x")))
        with pytest.raises(PluginError, match="two plugins are named 'a'"):
            layer.register(lambda: module(nas_proxies=lambda: offer("y")), Loaded("a", "", ""))
        assert layer.registry("proxy").names() == ["x"]


class TestRegistrationHooks:
    def test_what_they_return_is_there_with_its_owner(self) -> None:
        layer = loaded(
            a=module(nas_proxies=lambda: [Component("x", lambda: "from a", "s")]),
            b=module(nas_proxies=lambda: [Component("x", lambda: "from b", "s")]),
        )
        assert layer.build("proxy", "a:x") == "from a"
        assert layer.build("proxy", "b:x") == "from b"
        item = layer.registry("proxy").find("b:x")
        assert (item.plugin, item.distribution, item.version) == ("b", "dist", "1.0")

    @pytest.mark.parametrize("kind", KINDS)
    def test_each_kind(self, kind: str) -> None:
        layer = loaded(a=module(**{KINDS[kind]: lambda: offer("x")}))
        assert layer.build(kind, "x", size=4) == 4
        assert [k for k in KINDS if layer.registry(k).names()] == [kind]

    def test_called_once_when_loaded(self) -> None:
        calls: list[str] = []

        def nas_proxies() -> list[Component]:
            calls.append("called")
            return offer("x")

        layer = loaded(a=module(nas_proxies=nas_proxies))
        assert calls == ["called"]
        layer.registry("proxy").find("x")
        layer.build("proxy", "x")
        layer.tell("nas_study_started", study=None)
        assert calls == ["called"]

    def test_two_functions_for_one_hook(self) -> None:
        plugin = module(nas_proxies=lambda: offer("x"))
        plugin.__dict__["more"] = hookimpl(specname="nas_proxies")(lambda: offer("y"))
        assert loaded(a=plugin).registry("proxy").names() == ["x", "y"]

    def test_parameters_can_have_any_name(self) -> None:
        def named(kind: str, ref: str, self: str) -> str:
            return kind + ref + self

        layer = loaded(a=module(nas_proxies=lambda: [Component("x", named, "s")]))
        assert layer.build("proxy", "x", kind="k", ref="r", self="s") == "krs"

    def test_any_iterable(self) -> None:
        plugin = module(nas_proxies=lambda: iter(offer("x", "y")), nas_objectives=lambda: ())
        assert loaded(a=plugin).registry("proxy").names() == ["x", "y"]


class TestEvents:
    def test_all_are_told_though_one_raises(self, caplog: pytest.LogCaptureFixture) -> None:
        told: list[object] = []

        def fails() -> None:
            raise RuntimeError("boom")

        layer = loaded(
            bad=module(nas_trial_finished=fails),
            good=module(nas_trial_finished=lambda trial: told.append(trial)),
        )
        with caplog.at_level(logging.ERROR):
            layer.tell("nas_trial_finished", study=None, trial=7)
        assert told == [7]
        assert "plugin bad failed in nas_trial_finished" in caplog.text
        assert "boom" in caplog.text

    def test_in_the_order_of_loading(self) -> None:
        told: list[str] = []

        def listener(name: str, **marks: bool) -> types.ModuleType:
            plugin = types.ModuleType(name)
            plugin.__dict__["nas_study_finished"] = hookimpl(**marks)(lambda: told.append(name))
            return plugin

        layer = loaded(
            last=listener("last", trylast=True),
            a=listener("a"),
            first=listener("first", tryfirst=True),
            b=listener("b"),
        )
        layer.tell("nas_study_finished", study=None, reason="done")
        assert told == ["first", "a", "b", "last"]

    def test_objects_and_classes_can_be_plugins(self) -> None:
        class Listener:
            def __init__(self) -> None:
                self.heard: list[tuple[object, object]] = []

            @hookimpl
            def nas_front_changed(self, front: object, study: object) -> None:
                self.heard.append((study, front))

        listener = Listener()
        loaded(a=listener).tell("nas_front_changed", study="s", front=[1, 2])
        assert listener.heard == [("s", [1, 2])]

    def test_commands(self) -> None:
        import typer
        from typer.testing import CliRunner

        def nas_commands(cli: typer.Typer) -> None:
            @cli.command()
            def hello() -> None:
                print("hello")

            @cli.command()
            def other() -> None: ...

        cli = typer.Typer()
        loaded(a=module(nas_commands=nas_commands)).tell("nas_commands", cli=cli)
        assert CliRunner().invoke(cli, ["hello"]).output == "hello\n"
