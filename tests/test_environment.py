"""What a node must have, in words, and distributions as they are sent."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from other_environment import lay_out

from nas import ConfigError
from nas.executors.environment import outfit, pack, unlike
from nas.executors.ray_hello import Hello, read_hello


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which distribution ``afar`` 1.0 is installed."""
    site = tmp_path / "site"
    lay_out(site, "afar", "1.0", "x = 1", plugin="afar")
    monkeypatch.syspath_prepend(site)
    return site


def names(content: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as parcel:
        return set(parcel.namelist())


class TestParcels:
    def test_all_files_and_the_metadata_but_nothing_beside_them(self, site: Path) -> None:
        (site / "other.py").write_text("")
        parcel = pack("afar")
        assert (parcel.name, parcel.version) == ("afar", "1.0")
        about = {f"afar-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD")}
        about.add("afar-1.0.dist-info/entry_points.txt")
        assert names(parcel.content) == about | {"afar/__init__.py", "afar/about.txt"}

    def test_the_same_files_are_the_same_parcel(self, site: Path) -> None:
        one = pack("afar")
        (site / "afar" / "__init__.py").touch()
        assert pack("afar").digest == one.digest
        (site / "afar" / "__init__.py").write_text("x = 2")
        assert pack("afar").digest != one.digest

    def test_an_editable_one_is_what_it_is_now(self, site: Path, tmp_path: Path) -> None:
        source = tmp_path / "source"
        (source / "near").mkdir(parents=True)
        (source / "near" / "__init__.py").write_text("")
        (source / "near" / "part.py").write_text("")
        lay_out(site, "near", "0.1", plugin="near")
        about = site / "near-0.1.dist-info"
        (about / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}))
        (site / "_near.pth").write_text(str(source))
        with (about / "RECORD").open("a") as record:
            record.write("_near.pth,,\n")
        sys.path.insert(0, str(source))
        try:
            sent = names(pack("near").content)
        finally:
            sys.path.remove(str(source))
        assert {"near/__init__.py", "near/part.py", "near-0.1.dist-info/METADATA"} <= sent
        assert "_near.pth" not in sent

    def test_unknown(self, site: Path) -> None:
        with pytest.raises(ConfigError, match=r"run\.ship.*'afra'.*Did you mean 'afar'\?"):
            pack("afra")

    def test_compiled_parts_are_not_sent(self, site: Path) -> None:
        (site / "afar" / "fast.so").touch()
        with (site / "afar-1.0.dist-info" / "RECORD").open("a") as record:
            record.write("afar/fast.so,,\n")
        with pytest.raises(ConfigError) as caught:
            pack("afar")
        assert "afar 1.0 has compiled parts (afar/fast.so)" in str(caught.value)
        assert "pip install afar==1.0" in str(caught.value)

    def test_a_wheel_that_says_that_it_is_not_pure_is_not_sent(self, site: Path) -> None:
        (site / "afar-1.0.dist-info" / "WHEEL").write_text("Root-Is-Purelib: false\n")
        with pytest.raises(ConfigError, match=r"compiled parts \(its wheel says so\)"):
            pack("afar")

    def test_one_whose_files_are_not_known(self, site: Path) -> None:
        (site / "afar-1.0.dist-info" / "RECORD").unlink()
        with pytest.raises(ConfigError, match=r"afar 1\.0 does not say which files"):
            pack("afar")

    def test_a_real_one_that_is_compiled(self) -> None:
        with pytest.raises(ConfigError, match=r"numpy .* has compiled parts \(numpy"):
            pack("numpy")

    def test_ours_goes_whole_from_wherever_it_is(self) -> None:
        sent = names(pack("plugnas").content)
        assert {"nas/plugins.py", "nas_proxies/__init__.py", "nas_mlp/__init__.py"} <= sent
        assert not any("__pycache__" in name for name in sent)


class TestRequired:
    def test_what_computes_and_what_components_come_from(self, site: Path) -> None:
        wanted, parcels = outfit({"plugnas": "0.1.0", "other": "3.0", "": ""}, ["afar", "afar"])
        assert wanted == {
            "numpy": version("numpy"),
            "torch": version("torch").partition("+")[0],
            "plugnas": "0.1.0",
            "other": "3.0",
            "afar": "1.0",
        }
        assert [digest for digest, _ in parcels] == [pack("afar").digest]

    def test_in_words(self) -> None:
        wanted = {"plugnas": "0.2.0", "mine": "1.0", "torch": "2.13.0"}
        assert unlike(wanted, {"mine": "2.0"}) == (
            "mine 2.0 there, 1.0 here: on that node, pip install mine==1.0, or send yours with "
            "--ship mine"
        )
        assert unlike(wanted, {"plugnas": "", "torch": "2.12.1+cpu"}) == (
            "plugnas is not installed there, 0.2.0 here; torch 2.12.1+cpu there, 2.13.0 here: "
            "on that node, pip install plugnas==0.2.0 torch==2.13.0"
        )

    def test_what_a_worker_says(self) -> None:
        assert read_hello('{"where": "box pid 1"}', {}) == Hello("box pid 1")
        assert read_hello('{"where": "a", "problem": "no"}', {}) == Hello("a", "no")
        found = read_hello('{"where": "a", "found": {"mine": ""}}', {"mine": "1.0"})
        assert found.versions
        assert found.problem.startswith("mine is not installed there, 1.0 here")
