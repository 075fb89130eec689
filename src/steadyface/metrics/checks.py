"""What every metric asks of its input; each failure is a `MetricError` naming the argument."""

from __future__ import annotations

from math import isnan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import MetricError

#: Comparison scores, float16, float32 or float64; higher means more alike.
Scores: TypeAlias = NDArray[np.floating[Any]]
#: Class or column indices.
Labels: TypeAlias = NDArray[np.integer[Any]]
#: Names of units (folds, identities): integers or strings.
Groups: TypeAlias = NDArray[Any]
#: A figure, or None where the data cannot support one: 'not measurable'.
Measured: TypeAlias = float | None

_KEPT_FLOATS = (np.float16, np.float32, np.float64)


def score_array(values: Any, name: str, *, ndim: int = 1, failures: bool = False) -> Scores:
    """Check comparison scores.

    Args:
        values: the scores; whole numbers become float64, floats keep their precision.
        name: what the caller calls them.
        ndim: how many axes they must have.
        failures: allow -inf, the mark of a failed probe or reference.

    Raises:
        MetricError: wrong number of axes, empty, no numbers, or not finite.
    """
    array = _filled(np.asarray(values), name, ndim)
    if array.dtype.kind not in "fiu":
        raise MetricError(f"{name} has type {array.dtype}: give real numbers, higher = more alike")
    if array.dtype.type not in _KEPT_FLOATS:
        array = array.astype(np.float64)
    # The extremes tell whether anything is wrong without a mask as long as the input.
    lowest, highest = array.min(), array.max()
    if not np.isfinite(highest) and (not failures or highest != -np.inf):
        raise _not_finite(array, name, failures)
    if not np.isfinite(lowest) and not failures:
        raise _not_finite(array, name, failures)
    return array


def label_array(
    values: Any,
    name: str,
    *,
    low: int,
    high: int | None = None,
    like: tuple[str, int] | None = None,
) -> NDArray[np.int64]:
    """Check whole numbers in a range.

    Args:
        values: N integers.
        name: what the caller calls them.
        low: the least allowed.
        high: the greatest allowed; None allows any.
        like: name and length of the argument that they must be as long as.

    Raises:
        MetricError: not one axis, empty, no integers, another length, or out of range.
    """
    array = _filled(np.asarray(values), name, 1)
    if array.dtype.kind not in "iu":
        raise MetricError(f"{name} has type {array.dtype}: give an array of integers")
    if like is not None:
        _same_length(array, name, like)
    wrong = array < low if high is None else (array < low) | (array > high)
    if wrong.any():
        at = int(np.argmax(wrong))
        span = f"{low} or more" if high is None else f"{low} to {high}"
        raise MetricError(f"{name}[{at}] is {array[at]}: give {span}")
    return array.astype(np.int64)


def bool_array(values: Any, name: str, *, like: tuple[str, int]) -> NDArray[np.bool_]:
    """Check an array of N bools as long as another argument.

    Raises:
        MetricError: not one axis, empty, no bools, or another length.
    """
    array = _filled(np.asarray(values), name, 1)
    if array.dtype.kind != "b":
        raise MetricError(f"{name} has type {array.dtype}: give an array of bool")
    _same_length(array, name, like)
    return array


def group_array(values: Any, name: str, *, like: tuple[str, int] | None = None) -> Groups:
    """Check the names of the units that N rows belong to.

    Raises:
        MetricError: not one axis, empty, neither integers nor strings, or another length.
    """
    array = _filled(np.asarray(values), name, 1)
    if array.dtype.kind not in "iuUS":
        raise MetricError(f"{name} has type {array.dtype}: give an array of integers or of str")
    if like is not None:
        _same_length(array, name, like)
    return array


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that is no number; infinities accept all or nothing.

    Raises:
        MetricError: it is NaN.
    """
    if isnan(threshold):
        raise MetricError("threshold is nan: give a number, or an infinity to accept all or none")


def check_rate(rate: float, name: str) -> None:
    """Refuse a rate outside 0..1.

    Raises:
        MetricError: it is.
    """
    if not 0.0 <= rate <= 1.0:
        raise MetricError(f"{name} is {rate:g}: give a fraction, 0 to 1")


def check_count(value: int, name: str, *, low: int, high: int | None = None) -> None:
    """Refuse a count that is no whole number in a range.

    Raises:
        MetricError: it is not.
    """
    span = f"{low} or more" if high is None else f"{low} to {high}"
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        raise MetricError(f"{name} is {value!r}: give a whole number, {span}")


def _filled(array: NDArray[Any], name: str, ndim: int) -> NDArray[Any]:
    if array.ndim != ndim:
        axes = "one axis" if ndim == 1 else f"{ndim} axes"
        raise MetricError(f"{name} has shape {array.shape}: give an array of {axes}")
    if array.size == 0:
        raise MetricError(f"{name} is empty: nothing can be measured without an entry")
    return array


def _same_length(array: NDArray[Any], name: str, like: tuple[str, int]) -> None:
    other, length = like
    if len(array) != length:
        raise MetricError(
            f"{name} has {len(array)} entries and {other} has {length}: give one for each"
        )


def _not_finite(array: Scores, name: str, failures: bool) -> MetricError:
    wrong = np.isnan(array) | (array == np.inf) if failures else ~np.isfinite(array)
    position = np.unravel_index(int(np.argmax(wrong)), array.shape)
    place = ", ".join(str(int(i)) for i in position)
    remedy = "give a finite score, or -inf for a failure"
    if not failures:
        remedy = "leave it out, or give a failed comparison the lowest score there is"
    return MetricError(f"{name}[{place}] is {array[position]}: {remedy}")
