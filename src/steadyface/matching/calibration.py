"""Thresholds at a stated false match rate: versioned data, bound to one model."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import log10
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steadyface.errors import CalibrationError

SCHEMA = 2
DEFAULT_FMR = 1e-3

#: (FMR, threshold), FMR falling.
Points: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """The thresholds of a decision and what they stand for.

    Attributes:
        threshold: similarity from which two located faces count as one person.
        fmr: the false match rate it stands for on the calibration data; None if given by hand.
        calibration: id of that data; None if given by hand.
        by_references: thresholds against templates of 1, 2, ... references, the last for any
            more; empty takes `threshold` for all.
        assumed: likewise for a probe in which no face was found and the middle of the image was
            taken as one; empty takes those of located probes.
    """

    threshold: float
    fmr: float | None = None
    calibration: str | None = None
    by_references: tuple[float, ...] = ()
    assumed: tuple[float, ...] = ()

    def thresholds(
        self, references: NDArray[np.int64], *, located: bool = True
    ) -> NDArray[np.float64]:
        """The threshold against each of N templates.

        Args:
            references: N counts of references, 1 or more each.
            located: False for a probe whose face crop was assumed.

        Returns:
            N float64.
        """
        known = self.by_references if located or not self.assumed else self.assumed
        table = np.array(known or (self.threshold,))
        return table[np.clip(references, 1, len(table)) - 1]

    def threshold_for(self, references: int, *, located: bool = True) -> float:
        """The threshold against one template of so many references."""
        return float(self.thresholds(np.array([references], dtype=np.int64), located=located)[0])


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on non-mated comparisons of people set aside for it.

    Attributes:
        id: names this data and its version.
        model_id: the face network whose scores they are.
        made: how they were made: data, counts, conditions, command.
        located: points for templates of 1, 2, ... references, the last for any more.
        assumed: likewise for probes in which no face was found.
    """

    id: str
    model_id: str
    made: Mapping[str, Any]
    located: tuple[Points, ...]
    assumed: tuple[Points, ...]

    def rule(self, fmr: float = DEFAULT_FMR) -> DecisionRule:
        """The decision rule at a target FMR, log-linear between measured points.

        Args:
            fmr: false match rate of one comparison, a fraction.

        Raises:
            CalibrationError: the data cannot support this rate.
        """
        every = self.located + self.assumed
        highest = min(points[0][0] for points in every)
        lowest = max(points[-1][0] for points in every)
        if not lowest <= fmr <= highest:
            raise CalibrationError(
                f"calibration {self.id} supports FMR {lowest:g} to {highest:g}, not {fmr:g}; "
                "choose a rate in that range or give a threshold by hand"
            )
        located = tuple(threshold_at(points, fmr) for points in self.located)
        assumed = tuple(threshold_at(points, fmr) for points in self.assumed)
        return DecisionRule(located[0], fmr, self.id, located, assumed)


def threshold_at(points: Points, fmr: float) -> float:
    """The threshold at a rate within the points' range, log-linear between them."""
    rates = [-log10(rate) for rate, _ in points]
    wanted = -log10(fmr)
    right = bisect_left(rates, wanted)
    if right == 0 or rates[right] == wanted:
        return points[right][1]
    left = right - 1
    share = (wanted - rates[left]) / (rates[right] - rates[left])
    low, high = points[left][1], points[right][1]
    return low + share * (high - low)


def expected_fpir(fmr: float, identities: int) -> float:
    """Share of strangers who match someone in a gallery, each comparison erring independently.

    1 - (1 - FMR)^N, ISO/IEC 19795-1; an estimate, since comparisons of one probe depend on another.
    """
    return float(-np.expm1(identities * np.log1p(-fmr)))


def fmr_for_fpir(fpir: float, identities: int) -> float:
    """The false match rate of one comparison that `expected_fpir` turns into this FPIR.

    Raises:
        CalibrationError: the rate is not between 0 and 1, or nobody is enrolled.
    """
    if not 0 < fpir < 1:
        raise CalibrationError(f"FPIR {fpir:g} is no rate: give a fraction between 0 and 1")
    if identities < 1:
        raise CalibrationError("the gallery is empty, so no FPIR can be aimed at; enrol people")
    return float(-np.expm1(np.log1p(-fpir) / identities))


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
        curves = {key: tuple(_points(c) for c in data[key]) for key in ("located", "assumed")}
        calibration = Calibration(data["id"], data["model_id"], data["made"], **curves)
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationError(f"{name}: not calibration data ({error!r})") from error
    for key, several in curves.items():
        if not several or not all(_falls(points) for points in several):
            raise CalibrationError(f"{name}: {key} needs two or more thresholds, FMR falling")
    return calibration


def _points(curve: Sequence[Mapping[str, float]]) -> Points:
    return tuple((float(p["fmr"]), float(p["threshold"])) for p in curve)


def _falls(points: Points) -> bool:
    rates = [rate for rate, _ in points]
    return len(rates) >= 2 and rates == sorted(rates, reverse=True)


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
    model_id: str,
    *,
    fmr: float | None = None,
    threshold: float | None = None,
    rule: DecisionRule | None = None,
) -> DecisionRule:
    """The decision rule a caller asked for: by rate (default 1e-3), by hand, or ready-made.

    Raises:
        CalibrationError: more than one is given, the threshold is no cosine, the rate is out of
            reach, or the rule is none.
    """
    if sum(value is not None for value in (fmr, threshold, rule)) > 1:
        raise CalibrationError("give one of a target FMR, a threshold and a rule")
    if rule is not None:
        if not isinstance(rule, DecisionRule):
            raise CalibrationError(
                f"rule is {rule!r}, no DecisionRule; give a number as fmr= or threshold="
            )
        return rule
    if threshold is None:
        return load_calibration(model_id).rule(DEFAULT_FMR if fmr is None else fmr)
    if not -1.0 <= threshold <= 1.0:
        raise CalibrationError(f"threshold {threshold:g} is no cosine similarity: give -1 to 1")
    return DecisionRule(threshold)
