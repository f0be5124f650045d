"""The pytest plugin: a test function for each component and law.

It looks at test functions alone whose names begin with ``test_conformance`` and that take
``component`` and ``check``. The components are those of the plugins that the ini option
``nas_plugins`` names, or else of the distribution in whose folder the test file lies.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nas.plugins import Plugins
    from nas.testing.law import Law
    from nas.testing.subject import Subject

OPTION = "nas_plugins"
PREFIX = "test_conformance"
ARGUMENTS = ("component", "check")
_HINT = f'or name the plugins: {OPTION} = ["my_plugin"] under [tool.pytest.ini_options]'


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    what = "nas plugins, or files that are plugins, that test_conformance checks"
    parser.addini(OPTION, what, type="args", default=[])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make an item of each component and law."""
    wanted = metafunc.function.__name__.startswith(PREFIX)
    if not wanted or not set(ARGUMENTS) <= set(metafunc.fixturenames):
        return
    from nas.errors import NASError

    path = Path(metafunc.definition.path)
    config = metafunc.config
    try:
        named = list(config.getini(OPTION))
        chosen = _named(named, config.rootpath) if named else _of_distribution(path)
        pairs = [(subject, law) for subject in chosen for law in _laws(subject)]
    except NASError as error:
        pytest.fail(f"{PREFIX}: {error}", pytrace=False)
    ids = [f"{subject.id}-{law.name}" for subject, law in pairs]
    metafunc.parametrize(ARGUMENTS, pairs, ids=ids)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Skip where a law has no meaning; show what is broken without the suite's own lines."""
    from nas.errors import ConformanceError
    from nas.testing.law import Inapplicable

    try:
        return (yield)
    except Inapplicable as reason:
        pytest.skip(str(reason))
    except ConformanceError as error:
        pytest.fail(str(error), pytrace=False)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the Ray that a law has started before tests of another file begin."""
    on_ray = sys.modules.get("nas.testing.on_ray")
    if on_ray is not None and (nextitem is None or nextitem.path != item.path):
        on_ray.end()


def _laws(subject: Subject) -> Sequence[Law]:
    from nas.testing.checking import laws_of

    return laws_of(subject.kind)


def _named(named: Sequence[str], root: Path) -> Iterator[Subject]:
    from nas.plugins import PluginFile, Plugins
    from nas.testing.subject import subjects

    files = [name for name in named if name.endswith(".py")]
    plugins = Plugins([PluginFile.read(root / file) for file in files])
    for name in named:
        yield from subjects(plugins, Path(name).stem if name in files else name)


def _of_distribution(path: Path) -> Iterator[Subject]:
    from nas.plugins import Plugins
    from nas.testing.subject import subjects

    project = _project(path)
    plugins = Plugins()
    for name in _plugins_of(project, plugins):
        yield from subjects(plugins, name)


def _project(path: Path) -> str:
    """Return the name in the nearest pyproject.toml above a test file."""
    from nas.errors import ConfigError

    for folder in path.parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            name = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}).get("name")
            if isinstance(name, str):
                return name
    raise ConfigError(f"no folder above {path} has a pyproject.toml with a project; {_HINT}")


def _plugins_of(project: str, plugins: Plugins) -> list[str]:
    from nas.errors import ConfigError

    own = [p.name for p in plugins.loaded if _same(p.distribution, project)]
    if not own:
        raise ConfigError(
            f"the distribution {project!r} has no plugin installed in the group 'nas'; after a new "
            f"entry point, install it again: pip install -e . ; {_HINT}"
        )
    return own


def _same(one: str, other: str) -> bool:
    def plain(name: str) -> str:
        return name.lower().replace("_", "-").replace(".", "-")

    return plain(one) == plain(other)
