"""Samples from a function of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas import Dataset, DatasetError, Examples
from nas.suggest import did_you_mean
from nas_datasets.arrays import Found, examples

_EXPECTED = "nas.Examples, (train_x, train_y) or (train_x, train_y, test_x, test_y)"


@dataclass(frozen=True, kw_only=True)
class Factory(Dataset):
    """Whatever a function returns.

    The function returns ``nas.Examples``, or a tuple of arrays ``(train_x, train_y)`` or
    ``(train_x, train_y, test_x, test_y)``: inputs ``(samples, height, width[, channels])`` uint8 or
    ``(samples, features)`` numbers, labels integers from 0 without gaps. It must return the same
    samples each time it is called.

    Args:
        function: ``package.module:function``; the module is imported, so it has to be installed
            or on ``PYTHONPATH``.
        arguments: its keyword arguments.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self.function.split(":") if isinstance(self.function, str) else []
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"function must be 'package.module:function', not {self.function!r}")
        if not isinstance(self.arguments, Mapping):
            raise ValueError(f"arguments must be a table, not {self.arguments!r}")

    @property
    def calls(self) -> str:
        """The user's function."""
        return self.function

    def load(self) -> Examples:
        """Call the function. Raises ``DatasetError`` if it fails or returns anything else."""
        function = self._function()
        try:
            result = function(**self.arguments)
        except Exception as error:  # a user's function can raise anything
            raise DatasetError(f"{self.function}: {type(error).__name__}: {error}") from error
        if isinstance(result, Examples):
            return self._checked(result)
        if not isinstance(result, tuple | list) or len(result) not in (2, 4):
            shown = type(result).__name__
            if isinstance(result, tuple | list):
                shown += f" of {len(result)}"
            raise DatasetError(f"{self.function}: returned a {shown}; expected {_EXPECTED}")
        test = self._found("test", *result[2:]) if len(result) == 4 else None
        return examples(self._found("train", *result[:2]), test)

    def _function(self) -> Callable[..., Any]:
        module_name, name = self.function.split(":")
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # a user's module can raise anything while it is imported
            raise DatasetError(
                f"{self.function}: importing {module_name!r} failed: "
                f"{type(error).__name__}: {error}; expected a module that is installed or on "
                "PYTHONPATH"
            ) from error
        function = getattr(module, name, None)
        if not callable(function):
            known = [key for key, value in vars(module).items() if callable(value)]
            was = "is not callable" if hasattr(module, name) else "does not exist"
            raise DatasetError(
                f"{self.function}: {name!r} in {module_name!r} {was}; expected a function."
                f"{did_you_mean(name, known)}"
            )
        return function  # type: ignore[no-any-return]

    def _found(self, part: str, inputs: object, targets: object, nchw: bool = False) -> Found:
        names = f"{part}_x", f"{part}_y"
        try:
            arrays = np.asarray(inputs), np.asarray(targets)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DatasetError(
                f"{self.function}: {names[0]} or {names[1]} is no array ({error}); "
                f"expected {_EXPECTED}"
            ) from error
        return Found(self.function, *names, *arrays, "NCHW" if nchw else None)

    def _checked(self, given: Examples) -> Examples:
        train = self._found("train", given.train.inputs, given.train.targets, nchw=True)
        test = None
        if given.test is not None:
            test = self._found("test", given.test.inputs, given.test.targets, nchw=True)
        checked = examples(train, test)
        if checked.classes != given.classes:
            raise DatasetError(
                f"{self.function}: says {given.classes} classes, but train_y has labels 0 to "
                f"{checked.classes - 1}; expected the same number"
            )
        return checked
