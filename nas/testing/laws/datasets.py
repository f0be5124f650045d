"""Laws of data sets."""

from __future__ import annotations

import numpy as np

import nas
from nas.abstract.dataset import fingerprint
from nas.testing.law import Inapplicable, law, require
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject


def _loaded(subject: Subject) -> nas.Examples:
    dataset: nas.Dataset = subject.build()
    try:
        return dataset.load()
    except nas.DatasetError as error:
        if _missing_package(error):
            raise Inapplicable(f"a package is missing: {error}") from error
        raise


def _missing_package(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ImportError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@law("dataset")
def inputs_have_a_known_form(subject: Subject) -> None:
    """Inputs are uint8 images (n, channels, height, width), or finite float32 (n, features)."""
    examples = _loaded(subject)
    for name, split in (("train", examples.train), ("test", examples.test)):
        if split is None:
            continue
        inputs = split.inputs
        form = (inputs.dtype.name, inputs.ndim)
        known = form in (("uint8", 4), ("float32", 2))
        require(known, f"{name}: inputs are {inputs.dtype.name} of shape {inputs.shape}")
        same = inputs.shape[1:] == examples.train.inputs.shape[1:]
        require(same, f"{name}: a sample is {inputs.shape[1:]}, of train it is another shape")
        finite = inputs.dtype.name == "uint8" or bool(np.isfinite(inputs).all())
        require(finite, f"{name}: an input is not finite")


@law("dataset")
def targets_are_classes(subject: Subject) -> None:
    """Targets are int64 from 0 to classes - 1, one a sample; each class is in the training part."""
    examples = _loaded(subject)
    for name, split in (("train", examples.train), ("test", examples.test)):
        if split is None:
            continue
        targets = split.targets
        shaped = targets.dtype == np.int64 and targets.shape == (len(split.inputs),)
        shown = f"{targets.dtype.name} of shape {targets.shape}, for {len(split.inputs)} samples"
        require(shaped, f"{name}: targets are {shown}")
        inside = bool(((targets >= 0) & (targets < examples.classes)).all())
        largest = f"{targets.min()} to {targets.max()}"
        require(inside, f"{name}: targets are {largest}, of {examples.classes} classes")
    found = len(np.unique(examples.train.targets))
    require(found == examples.classes, f"{found} classes in training, {examples.classes} declared")


@law("dataset")
def loads_the_same_each_time(subject: Subject) -> None:
    """Whenever it is loaded, every sample is the same, in the same order.

    Results are found again by the fingerprint of the data: sort file names, seed what is drawn.
    """

    def known() -> str:
        examples = _loaded(subject)
        return fingerprint([s for s in (examples.train, examples.test) if s is not None])

    first, again = known(), known()
    require(first == again, f"its fingerprint was {first}, then {again}")


@law("dataset")
def can_be_searched_on(subject: Subject) -> None:
    """It splits into a training and a validation part, by the seed alone.

    Each class needs two samples at least.
    """
    _loaded(subject)
    first, again = (subject.build().for_search(1) for _ in range(2))
    require(len(first.train) > 0 < len(first.validation), "a part has no samples")
    same = first.fingerprint == again.fingerprint
    require(same, "the same seed has split it in two ways")


@law("dataset")
def the_test_split_is_other_samples(subject: Subject) -> str:
    """No more than a few samples of the test split are among those that a search sees.

    A tenth may be the same: some data sets have samples twice.
    """
    examples = _loaded(subject)
    if examples.test is None:
        raise Inapplicable("it has no test split")
    seen = {row.tobytes() for row in examples.train.inputs}
    share = float(np.mean([row.tobytes() in seen for row in examples.test.inputs]))
    said = f"{share:.1%} of the test split's samples are in the training part too"
    require(share <= 0.1, said)
    return said if share else ""


@law("dataset")
def leaves_random_state(subject: Subject) -> None:
    """The global random generators are left as they were."""
    _loaded(subject)
    with generators_untouched():
        subject.build().load()
