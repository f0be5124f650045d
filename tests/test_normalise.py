"""Normalisation that travels with the weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.normalise import Normalise, joined, with_normalisation


def test_images_per_channel_as_numpy_does() -> None:
    rng = np.random.default_rng(0)
    images = (rng.random((1500, 3, 5, 4)) * [[[40]], [[200]], [[255]]]).astype(np.uint8)
    normalise = Normalise.of(images)
    assert normalise.mean.shape == normalise.std.shape == (3, 1, 1)
    np.testing.assert_allclose(normalise.mean.flatten(), images.mean((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(normalise.std.flatten(), images.std((0, 2, 3)), rtol=1e-6)
    out = normalise(torch.tensor(images))
    assert out.dtype == torch.float32
    assert out.mean((0, 2, 3)).abs().max() < 1e-4
    assert (out.std((0, 2, 3)) - 1).abs().max() < 1e-3
    torch.testing.assert_close(normalise(torch.tensor(images).float()), out)


finite = st.floats(-1e6, 1e6, width=32)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=finite))
def test_tables_per_feature(table: np.ndarray) -> None:
    out = Normalise.of(table)(torch.tensor(table)).double().numpy()
    assert np.isfinite(out).all()
    wide = table.astype(np.float64).std(0) > 1e-3 * np.abs(table).max(0) + 1e-6
    np.testing.assert_allclose(out.std(0)[wide], 1, rtol=1e-3)
    np.testing.assert_allclose(out.mean(0)[wide], 0, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30, 1e-40, 3.0])
def test_constant_feature_is_shifted_only(value: float) -> None:
    table = np.stack([np.full(997, value), np.arange(997)], axis=1).astype(np.float32)
    normalise = Normalise.of(table)
    assert normalise.std[0] == 1
    out = normalise(torch.tensor(table))
    assert out[:, 0].abs().max() <= abs(value) * 1e-6
    assert torch.isfinite(out).all()


def test_constant_channel_is_shifted_only() -> None:
    images = np.full((4, 1, 2, 2), 7, np.uint8)
    assert Normalise.of(images)(torch.tensor(images)).abs().max() == 0


@pytest.mark.parametrize("shape", [(3, 4, 4), (5,)])
def test_weights_bring_their_normalisation_back(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 255, (9, *shape)).astype(np.uint8 if len(shape) == 3 else np.float32)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(int(np.prod(shape)), 2))
    trained = joined(Normalise.of(inputs), network)
    assert list(trained.state_dict()) == [
        "normalise.mean",
        "normalise.std",
        "network.1.weight",
        "network.1.bias",
    ]
    fresh = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(int(np.prod(shape)), 2))
    again = with_normalisation(fresh, shape)
    again.load_state_dict(trained.state_dict())
    assert torch.equal(again(torch.tensor(inputs)), trained(torch.tensor(inputs)))
