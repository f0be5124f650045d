"""The first data set: small, real, and installed with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas import Dataset, Examples
from nas.suggest import did_you_mean
from nas_datasets.arrays import Found, examples

FORMS = ("images", "table")
_TEST_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Digits(Dataset):
    """Handwritten digits, 8 x 8 pixels, 10 classes: 1,438 for training, 359 for the test.

    The test split is a fifth of each class, the same for every seed.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (1998), as scikit-learn
    holds it.

    Args:
        form: ``images``, ``(samples, 1, 8, 8)`` uint8 with the 17 grey levels spread over 0 to
            255; or ``table``, ``(samples, 64)`` float32 from 0 to 16.
    """

    form: Literal["images", "table"] = "images"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in FORMS:
            raise ValueError(
                f"form must be 'images' or 'table', not {self.form!r}."
                f"{did_you_mean(str(self.form), FORMS)}"
            )

    def load(self) -> Examples:
        """Return the digits; no file outside scikit-learn is read."""
        from sklearn.datasets import load_digits

        bunch = load_digits()
        inputs = bunch.data.astype(np.float32)
        if self.form == "images":
            inputs = (bunch.images * (255 / 16)).round().astype(np.uint8)
        found = Found("scikit-learn's digits", "images", "labels", inputs, bunch.target)
        return examples(found, share=_TEST_SHARE)
