"""Thresholds at a stated false match rate: versioned data, bound to one model."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from math import log10
from typing import Any

from steadyface.errors import CalibrationError

SCHEMA = 1
DEFAULT_FMR = 1e-3


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """The threshold of a decision and what it stands for.

    Attributes:
        threshold: similarity from which two faces count as one person.
        fmr: the false match rate it stands for on the calibration data; None if given by hand.
        calibration: id of that data; None if given by hand.
    """

    threshold: float
    fmr: float | None = None
    calibration: str | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on non-mated comparisons of people set aside for it.

    Attributes:
        id: names this data and its version.
        model_id: the face network whose scores they are.
        made: how they were made: data, counts, conditions, command.
        points: (FMR, threshold), FMR falling.
    """

    id: str
    model_id: str
    made: Mapping[str, Any]
    points: tuple[tuple[float, float], ...]

    def rule(self, fmr: float = DEFAULT_FMR) -> DecisionRule:
        """The decision rule at a target FMR, log-linear between measured points.

        Args:
            fmr: false match rate of one comparison, a fraction.

        Raises:
            CalibrationError: the data cannot support this rate.
        """
        highest, lowest = self.points[0][0], self.points[-1][0]
        if not lowest <= fmr <= highest:
            raise CalibrationError(
                f"calibration {self.id} supports FMR {lowest:g} to {highest:g}, not {fmr:g}; "
                "choose a rate in that range or give a threshold by hand"
            )
        rates = [-log10(rate) for rate, _ in self.points]
        wanted = -log10(fmr)
        right = bisect_left(rates, wanted)
        if right == 0 or rates[right] == wanted:
            return DecisionRule(self.points[right][1], fmr, self.id)
        left = right - 1
        share = (wanted - rates[left]) / (rates[right] - rates[left])
        low, high = self.points[left][1], self.points[right][1]
        return DecisionRule(low + share * (high - low), fmr, self.id)


def parse_calibration(text: str, name: str) -> Calibration:
    """Read calibration data.

    Args:
        text: JSON as the fitting command writes it.
        name: what to call it in errors.

    Raises:
        CalibrationError: another schema, or malformed.
    """
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise CalibrationError(
                f"{name}: schema {data['schema']} is not {SCHEMA}, which this version reads"
            )
        points = tuple((float(p["fmr"]), float(p["threshold"])) for p in data["thresholds"])
        calibration = Calibration(data["id"], data["model_id"], data["made"], points)
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationError(f"{name}: not calibration data ({error!r})") from error
    rates = [rate for rate, _ in points]
    if len(points) < 2 or rates != sorted(rates, reverse=True):
        raise CalibrationError(f"{name}: needs two or more thresholds, FMR falling")
    return calibration


def load_calibration(model_id: str) -> Calibration:
    """The packaged calibration of a model.

    Raises:
        CalibrationError: none is packaged for it.
    """
    file = resources.files("steadyface.matching") / "data" / f"{model_id}.json"
    if not file.is_file():
        raise CalibrationError(
            f"no calibration is packaged for model {model_id!r}; give a threshold by hand"
        )
    return parse_calibration(file.read_text(encoding="utf-8"), file.name)


def rule_for(
    model_id: str, *, fmr: float | None = None, threshold: float | None = None
) -> DecisionRule:
    """The decision rule a caller asked for: by rate (default 1e-3), or by hand.

    Raises:
        CalibrationError: both are given, the threshold is no cosine, or the rate is out of reach.
    """
    if threshold is None:
        return load_calibration(model_id).rule(DEFAULT_FMR if fmr is None else fmr)
    if fmr is not None:
        raise CalibrationError("give a target FMR or a threshold, not both")
    if not -1.0 <= threshold <= 1.0:
        raise CalibrationError(f"threshold {threshold:g} is no cosine similarity: give -1 to 1")
    return DecisionRule(threshold)
