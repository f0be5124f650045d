"""Digits and files, used as a config would; malformed input is named with what would work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas

SHARED = Path(__file__).parents[2] / "shared" / "data"
LABELS = np.arange(12) % 3


def images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def saved(tmp_path: Path, **arrays: Any) -> str:
    file = tmp_path / "data.npz"
    np.savez(file, **arrays)
    return str(file)


def refusal(load: Any, *parts: str) -> None:
    with pytest.raises(nas.DatasetError) as caught:
        load()
    for part in parts:
        assert part in str(caught.value)


class TestDigits:
    def test_are_images_by_default_and_the_same_digits_as_a_table(self) -> None:
        as_images, table = nas.dataset("digits").load(), nas.dataset("digits", form="table").load()
        assert as_images.train.inputs.shape == (1438, 1, 8, 8)
        assert as_images.train.inputs.dtype == np.uint8
        assert as_images.train.inputs.max() == 255
        assert table.train.inputs.shape == (1438, 64)
        assert table.train.inputs.dtype == np.float32
        spread = (table.test.inputs.reshape(-1, 1, 8, 8) * 255 / 16).round()
        np.testing.assert_array_equal(as_images.test.inputs, spread)

    def test_test_split_is_stratified_and_no_seed_moves_it(self) -> None:
        digits = nas.dataset("digits")
        test = digits.test_split()
        share = np.bincount(test.targets) / np.bincount(
            np.r_[test.targets, digits.load().train.targets]
        )
        assert np.all(np.abs(share - 0.2) < 0.01)
        rows = {row.tobytes() for row in test.inputs}
        for seed in (0, 1):
            data = digits.for_search(seed)
            seen = {row.tobytes() for part in (data.train, data.validation) for row in part.inputs}
            assert not rows & seen
            np.testing.assert_array_equal(digits.test_split().targets, test.targets)

    def test_validation_depends_on_the_seed(self) -> None:
        digits = nas.dataset("digits", validation=0.25)
        first, again, other = (digits.for_search(seed) for seed in (0, 0, 1))
        assert first.fingerprint == again.fingerprint != other.fingerprint
        assert len(first.validation) / 1438 == pytest.approx(0.25, abs=0.01)

    @pytest.mark.parametrize("validation", [0, 1, 0.0, 1.0, float("nan"), "0.2", True])
    def test_refuse_no_share(self, validation: object) -> None:
        with pytest.raises(nas.ComponentError, match="share between 0 and 1"):
            nas.dataset("digits", validation=validation)

    def test_refuse_an_unknown_form(self) -> None:
        with pytest.raises(nas.ComponentError, match="Did you mean 'images'"):
            nas.dataset("digits", form="image")


class TestNpz:
    def test_channels_last_become_channels_first(self, tmp_path: Path) -> None:
        x = images(12, 5, 6, 3)
        loaded = nas.dataset("npz", path=saved(tmp_path, x=x, y=LABELS)).load()
        np.testing.assert_array_equal(loaded.train.inputs, x.transpose(0, 3, 1, 2))
        assert loaded.train.inputs.flags.c_contiguous
        assert loaded.train.targets.dtype == np.int64
        assert (loaded.test, loaded.classes) == (None, 3)

    def test_grey_images_get_a_channel(self, tmp_path: Path) -> None:
        x = images(12, 5, 6)
        loaded = nas.dataset("npz", path=saved(tmp_path, x=x, y=LABELS[:, None])).load()
        np.testing.assert_array_equal(loaded.train.inputs, x[:, None])

    def test_layout_settles_what_looks_like_channels_first(self, tmp_path: Path) -> None:
        x = images(12, 3, 6, 6)
        path = saved(tmp_path, x=x, y=LABELS)
        refusal(nas.dataset("npz", path=path).load, path, "(12, 3, 6, 6)", "channels first")
        as_is = nas.dataset("npz", path=path, layout="NCHW").load().train.inputs
        np.testing.assert_array_equal(as_is, x)
        last = nas.dataset("npz", path=path, layout="NHWC").load().train.inputs
        assert last.shape == (12, 6, 3, 6)

    @pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.bool_])
    def test_tables_become_float32(self, tmp_path: Path, dtype: type) -> None:
        x = np.arange(48).reshape(12, 4).astype(dtype)
        loaded = nas.dataset("npz", path=saved(tmp_path, x=x, y=LABELS)).load()
        assert loaded.train.inputs.dtype == np.float32
        np.testing.assert_array_equal(loaded.train.inputs, x.astype(np.float32))

    def test_split_of_the_file_is_kept(self, tmp_path: Path) -> None:
        x, x_test = images(12, 4, 4), images(6, 4, 4, seed=1)
        path = saved(tmp_path, x_train=x, y_train=LABELS, x_test=x_test, y_test=LABELS[:6])
        loaded = nas.dataset("npz", path=path).load()
        np.testing.assert_array_equal(loaded.test.inputs[:, 0], x_test)
        assert len(loaded.train) == 12
        refusal(nas.dataset("npz", path=path, test=0.2).load, path, "test split of its own")

    def test_keys_by_name(self, tmp_path: Path) -> None:
        path = saved(tmp_path, a=images(12, 4, 4), b=LABELS, c=images(3, 4, 4), d=LABELS[:3])
        loaded = nas.dataset("npz", path=path, x="a", y="b", x_test="c", y_test="d").load()
        assert (len(loaded.train), len(loaded.test)) == (12, 3)
        with pytest.raises(nas.ComponentError, match="both x and y"):
            nas.dataset("npz", path=path, x="a")

    def test_share_of_the_file_for_the_test(self, tmp_path: Path) -> None:
        x = images(60, 4, 4)
        dataset = nas.dataset("npz", path=saved(tmp_path, x=x, y=np.arange(60) % 3), test=0.2)
        first, again = dataset.load(), dataset.load()
        assert np.bincount(first.test.targets).tolist() == [4, 4, 4]
        assert len(first.train) == 48
        np.testing.assert_array_equal(first.test.inputs, again.test.inputs)
        merged = np.concatenate([first.train.inputs, first.test.inputs])
        assert sorted(row.tobytes() for row in merged) == sorted(row.tobytes() for row in x)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(-2, 6), min_size=1, max_size=20))
    def test_labels_are_taken_as_they_are_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, labels: list[int]
    ) -> None:
        folder = tmp_path_factory.mktemp("labels")
        load = nas.dataset("npz", path=saved(folder, x=images(len(labels), 2, 2), y=labels)).load
        if len(set(labels)) > 1 and sorted(set(labels)) == list(range(len(set(labels)))):
            assert load().train.targets.tolist() == labels
            assert load().classes == len(set(labels))
        else:
            refusal(load, "data.npz: key 'y' has", "expected")

    @pytest.mark.parametrize(
        ("arrays", "parts"),
        [
            ({"x": images(12, 4, 4)}, ("no key 'y'", "Found: x")),
            ({"x": images(12, 4, 4), "yy": LABELS}, ("no key 'y'", "Did you mean 'yy'")),
            ({"data": images(12, 4, 4), "label": LABELS}, ("data, label", "x = ... and y = ...")),
            (
                {"x": images(2, 2, 2), "y": [0, 1], "x_train": images(2, 2, 2), "y_train": [0, 1]},
                ("say which ones",),
            ),
            ({"x": images(12), "y": LABELS}, ("'x' has 1 dimensions", "(12,)")),
            ({"x": images(12, 2, 2, 2, 2), "y": LABELS}, ("'x' has 5 dimensions", "images")),
            ({"x": images(12, 4, 4) / 255, "y": LABELS}, ("float64", "uint8", "255 * x")),
            ({"x": np.full((12, 2), "a"), "y": LABELS}, ("table of type <U1", "numbers")),
            ({"x": np.full((12, 2), 1j), "y": LABELS}, ("complex128", "numbers")),
            ({"x": np.full((12, 2), 1e39), "y": LABELS}, ("24 values", "beyond float32")),
            ({"x": images(12, 4, 4), "y": LABELS[:11]}, ("11 labels", "one for each of 12")),
            ({"x": images(12, 4, 4), "y": LABELS * 1.0}, ("type float64", "integers")),
            ({"x": images(12, 4, 4), "y": np.eye(12)}, ("shape (12, 12)", "(samples,)")),
            ({"x": images(12, 4, 4), "y": LABELS + 1}, ("from 1 to 3", "from 0")),
            ({"x": images(12, 4, 4), "y": LABELS * 2}, ("no label 1", "up to 4", "numpy.unique")),
            ({"x": images(12, 4, 4), "y": LABELS * 0}, ("one class only", "two or more")),
            ({"x": images(0, 4, 4), "y": LABELS[:0]}, ("is empty", "one sample or more")),
            ({"x": np.zeros((12, 0)), "y": LABELS}, ("is empty", "(12, 0)")),
        ],
    )
    def test_malformed(self, tmp_path: Path, arrays: dict[str, Any], parts: tuple[str]) -> None:
        path = saved(tmp_path, **arrays)
        refusal(nas.dataset("npz", path=path).load, path, *parts)

    @pytest.mark.parametrize(
        ("arrays", "parts"),
        [
            ({"x_test": images(3, 4, 4)}, ("no key 'y_test'",)),
            ({"x_test": images(3, 4, 5), "y_test": LABELS[:3]}, ("(1, 4, 5)", "(1, 4, 4)")),
            ({"x_test": np.zeros((3, 16)), "y_test": LABELS[:3]}, ("float32", "uint8")),
            ({"x_test": images(3, 4, 4), "y_test": [0, 1, 7]}, ("not: 7", "labels 0 to 2")),
        ],
    )
    def test_malformed_test_split(
        self, tmp_path: Path, arrays: dict[str, Any], parts: tuple[str]
    ) -> None:
        path = saved(tmp_path, x=images(12, 4, 4), y=LABELS, **arrays)
        refusal(nas.dataset("npz", path=path).load, path, *parts)

    def test_names_the_first_value_that_is_not_finite(self, tmp_path: Path) -> None:
        x = np.zeros((12, 4))
        x[5, 2], x[7, 0] = np.nan, np.inf
        path = saved(tmp_path, x=x, y=LABELS)
        refusal(nas.dataset("npz", path=path).load, path, "2 values", "nan in row 5, column 2")

    def test_files_that_are_no_npz(self, tmp_path: Path) -> None:
        good = saved(tmp_path, x=images(12, 4, 4), y=LABELS)
        missing = str(tmp_path / "date.npz")
        refusal(nas.dataset("npz", path=missing).load, missing, "no such file", "'data.npz'")
        refusal(nas.dataset("npz", path=str(tmp_path)).load, str(tmp_path), "cannot be read")
        single = tmp_path / "one.npy"
        np.save(single, LABELS)
        refusal(nas.dataset("npz", path=str(single)).load, "one array of shape (12,)")
        for name, content in {
            "text": b"hello",
            "none": b"",
            "cut": Path(good).read_bytes()[:90],
        }.items():
            (tmp_path / name).write_bytes(content)
            refusal(nas.dataset("npz", path=str(tmp_path / name)).load, name, "cannot be read")

    def test_damaged_member(self, tmp_path: Path) -> None:
        path = Path(saved(tmp_path, x=images(12, 4, 4), y=LABELS))
        content = bytearray(path.read_bytes())
        content[200] ^= 255
        path.write_bytes(content)
        refusal(nas.dataset("npz", path=str(path)).load, str(path), "'x' cannot be read")

    def test_never_unpickles(self, tmp_path: Path) -> None:
        path = saved(tmp_path, x=images(12, 4, 4), y=np.array([*range(11), None], dtype=object))
        refusal(nas.dataset("npz", path=path).load, path, "'y' cannot be read", "allow_pickle")

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"path": 3}, "name of a file"),
            ({"x": 3, "y": "y"}, "x must be the name of a key, not 3"),
            ({"test": 1.0}, "from 0 to below 1"),
            ({"test": "some"}, "from 0 to below 1"),
            ({"layout": "nchw"}, "Did you mean 'NCHW'"),
            ({"pth": "x"}, "Did you mean 'path'"),
        ],
    )
    def test_refuses_parameters(self, parameters: dict[str, Any], message: str) -> None:
        with pytest.raises(nas.ComponentError, match=re.escape(message)):
            nas.dataset("npz", **{"path": "data.npz", **parameters})

    @pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data")
    @pytest.mark.parametrize(
        ("file", "train", "test"),
        [
            ("cifar10_lossless_4000.npz", (4000, 3, 32, 32), None),
            ("cifar10_small_7k.npz", (5000, 3, 32, 32), (2000, 3, 32, 32)),
            ("mnist_63k.npz", (63000, 1, 28, 28), None),
        ],
    )
    def test_real_files(
        self, file: str, train: tuple[int, ...], test: tuple[int, ...] | None
    ) -> None:
        loaded = nas.dataset("npz", path=str(SHARED / file)).load()
        assert loaded.train.inputs.shape == train
        assert (None if loaded.test is None else loaded.test.inputs.shape) == test
        assert loaded.classes == 10
