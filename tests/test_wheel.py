"""What is shipped: the wheel's content, and the versions that are tested together."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email import message_from_string
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENTRIES = PROJECT["entry-points"]["nas"].values()
PACKAGES = {"nas", *(module.partition(".")[0] for module in ENTRIES)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(
        [*command, str(ROOT)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.iterdir()
    return zipfile.ZipFile(path)


def test_it_holds_our_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    about = f"plugnas-{PROJECT['version']}.dist-info"
    assert {name.split("/")[0] for name in wheel.namelist()} == PACKAGES | {about}


def test_every_module_is_in_it(wheel: zipfile.ZipFile) -> None:
    sources = {
        path.relative_to(top).as_posix()
        for top in (ROOT, ROOT / "plugins", ROOT / "search_spaces")
        for package in PACKAGES
        for path in (top / package).rglob("*.py")
    }
    assert sources == {name for name in wheel.namelist() if name.endswith(".py")}


def test_no_file_is_in_it_by_accident(wheel: zipfile.ZipFile) -> None:
    shipped = {Path(name).suffix for name in wheel.namelist() if ".dist-info/" not in name}
    data = {".gz", ".safetensors", ".html", ".css", ".js", ".template", ".txt"}
    assert shipped == {".py", ".typed", *data}


def test_what_a_new_plugin_is_made_of_is_in_it(wheel: zipfile.ZipFile) -> None:
    scaffold = ROOT / "nas" / "scaffold"
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("templates", "licences", "examples")
        for path in (scaffold / folder).iterdir()
        if path.is_file()
    }
    assert len(files) > 15
    assert files <= set(wheel.namelist())


def test_every_package_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_its_entry_points(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    parser = ConfigParser(delimiters="=")
    parser.read_string(wheel.read(name).decode())
    assert dict(parser["nas"]) == PROJECT["entry-points"]["nas"]
    assert dict(parser["console_scripts"]) == PROJECT["scripts"]


def test_its_metadata(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
    about = message_from_string(wheel.read(name).decode())
    assert (about["Name"], about["Version"]) == ("plugnas", PROJECT["version"])
    assert about["License-Expression"] == "Apache-2.0"
    needed = {Requirement(text).name for text in about.get_all("Requires-Dist", [])}
    assert {"torch", "ray", "pluggy"} <= needed


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def closure() -> set[str]:
    """Return everything that ``plugnas[test]`` needs on this platform, by what is installed."""
    extras = PROJECT["optional-dependencies"]["test"]
    todo = [(Requirement(text), "") for text in (*PROJECT["dependencies"], *extras)]
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement, asked_by = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": asked_by}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                todo += [(Requirement(text), extra) for text in _requires(name)]
    return {name for name, _ in seen}


def _requires(name: str) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:  # not needed on this machine: it is reported as not pinned
        return []


def test_all_that_is_needed_is_pinned() -> None:
    assert closure() - set(pins()) == {"pip"}


def test_only_what_is_needed_is_pinned() -> None:
    assert set(pins()) - closure() == set()


def test_pins_are_within_the_ranges() -> None:
    pinned = pins()
    extras = PROJECT["optional-dependencies"]["test"]
    for text in (*PROJECT["dependencies"], *extras):
        requirement = Requirement(text)
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, text
    assert pinned["torch"] == Version("2.13.0")
