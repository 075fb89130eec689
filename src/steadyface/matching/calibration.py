"""Thresholds at a stated false match rate: versioned data, bound to one model."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from math import log10
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadyface.errors import CalibrationError
from steadyface.matching.probability import ProbabilityModel, checked_prior

SCHEMA = 4
DEFAULT_FMR = 1e-3
DEFAULT_PRIOR = 0.5
_ENDS = ("low", "high")

#: (FMR, threshold or pull), FMR falling.
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
        pull: how far a threshold rises where both images are of quality 0, see `matching.quality`;
            0 for one given by hand.
        probability: tells P(same person); None where none was fitted for the model.
        prior: P(same person) before looking, which that starts from.
        interval: of `threshold`, 95 %: where it would lie with other people in the calibration
            data; None if given by hand.
    """

    threshold: float
    fmr: float | None = None
    calibration: str | None = None
    by_references: tuple[float, ...] = ()
    assumed: tuple[float, ...] = ()
    pull: float = 0.0
    probability: ProbabilityModel | None = None
    prior: float = DEFAULT_PRIOR
    interval: tuple[float, float] | None = None

    def thresholds(
        self,
        references: NDArray[np.int64],
        *,
        located: bool = True,
        unreliable: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
    ) -> NDArray[np.float64]:
        """The threshold against each of N templates.

        Args:
            references: N counts of references, 1 or more each.
            located: False for a probe whose face crop was assumed.
            unreliable: of the probe, and N of the templates, see `matching.quality.unreliability`.

        Returns:
            N float64; P x N where the probe's unreliability is P x 1.
        """
        known = self.by_references if located or not self.assumed else self.assumed
        table = np.array(known or (self.threshold,))
        probe, template = (np.asarray(value, dtype=np.float64) for value in unreliable)
        places = np.minimum(np.maximum(references, 1), len(table)) - 1
        return np.asarray(table[places] + self.pull * probe * template)

    def threshold_for(
        self,
        references: int,
        *,
        located: bool = True,
        unreliable: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
    ) -> float:
        """The threshold against one template of so many references; see `thresholds`."""
        count = np.array([references], dtype=np.int64)
        return float(self.thresholds(count, located=located, unreliable=unreliable)[0])

    def probabilities(
        self,
        similarity: ArrayLike,
        references: ArrayLike,
        *,
        located: bool = True,
        unreliable: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
    ) -> NDArray[np.float64] | None:
        """P(same person) of comparisons; None without a model, or for a crop that was assumed.

        Args:
            similarity: N cosines.
            references: N counts of references.
            located: False for a probe whose face crop was assumed: none was fitted for those.
            unreliable: of the probe, and N of the templates.
        """
        if self.probability is None or not located:
            return None
        return self.probability(similarity, unreliable, references, prior=self.prior)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on non-mated comparisons of people set aside for it.

    Attributes:
        id: names this data and its version.
        model_id: the face network whose scores they are.
        made: how they were made: data, counts, conditions, command.
        located: points for templates of 1, 2, ... references, the last for any more.
        assumed: likewise for probes in which no face was found.
        pull: (FMR, how far thresholds rise where both images are of quality 0); empty for a
            network that tells no quality.
        probability: tells P(same person); None where it was not fitted.
        low, high: ends of the 95 % interval of the threshold against one reference.
    """

    id: str
    model_id: str
    made: Mapping[str, Any]
    located: tuple[Points, ...]
    assumed: tuple[Points, ...]
    pull: Points = ()
    probability: ProbabilityModel | None = None
    low: Points = ()
    high: Points = ()

    @property
    def rates(self) -> tuple[float, float]:
        """The lowest and the highest FMR that the data supports."""
        every = self.located + self.assumed
        return max(points[-1][0] for points in every), min(points[0][0] for points in every)

    def rule(self, fmr: float = DEFAULT_FMR, *, prior: float = DEFAULT_PRIOR) -> DecisionRule:
        """The decision rule at a target FMR, log-linear between measured points.

        Args:
            fmr: false match rate of one comparison, a fraction.
            prior: P(same person) before looking.

        Raises:
            CalibrationError: the data cannot support this rate.
        """
        lowest, highest = self.rates
        if not lowest <= fmr <= highest:
            raise CalibrationError(
                f"calibration {self.id} supports FMR {lowest:g} to {highest:g}, not {fmr:g}; "
                "choose a rate in that range or give a threshold by hand"
            )
        located = tuple(value_at(points, fmr) for points in self.located)
        assumed = tuple(value_at(points, fmr) for points in self.assumed)
        pull = value_at(self.pull, fmr) if self.pull else 0.0
        return DecisionRule(
            located[0],
            fmr,
            self.id,
            located,
            assumed,
            pull,
            self.probability,
            checked_prior(prior),
            (value_at(self.low, fmr), value_at(self.high, fmr)) if self.low else None,
        )


def value_at(points: Points, fmr: float) -> float:
    """The threshold or pull at a rate within the points' range, log-linear between them."""
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
        weights = data["probability"]
        first = data["located"][0] if data["located"] else []
        ends = [_points([p for p in first if end in p], end) for end in _ENDS]
        calibration = Calibration(
            data["id"],
            data["model_id"],
            data["made"],
            **curves,
            pull=_points(data["pull"], "pull"),
            probability=None if weights is None else ProbabilityModel.of(weights),
            low=ends[0],
            high=ends[1],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CalibrationError(f"{name}: not calibration data ({error!r})") from error
    for key, several in curves.items():
        if not several or not all(_falls(points) for points in several):
            raise CalibrationError(f"{name}: {key} needs two or more thresholds, FMR falling")
    return calibration


def _points(curve: Sequence[Mapping[str, float]], value: str = "threshold") -> Points:
    return tuple((float(p["fmr"]), float(p[value])) for p in curve)


def _falls(points: Points) -> bool:
    rates = [rate for rate, _ in points]
    return len(rates) >= 2 and rates == sorted(rates, reverse=True)


def load_calibration(model_id: str) -> Calibration:
    """The packaged calibration of a model.

    Raises:
        CalibrationError: none is packaged for it.
    """
    file = _file(model_id)
    if not file.is_file():
        raise CalibrationError(
            f"no calibration is packaged for model {model_id!r}; give a threshold by hand"
        )
    return parse_calibration(file.read_text(encoding="utf-8"), file.name)


def has_calibration(model_id: str) -> bool:
    """Whether a calibration is packaged for a model."""
    return _file(model_id).is_file()


def _file(model_id: str) -> Traversable:
    return resources.files("steadyface.matching") / "data" / f"{model_id}.json"


def rule_for(
    model_id: str,
    *,
    fmr: float | None = None,
    threshold: float | None = None,
    rule: DecisionRule | None = None,
    prior: float = DEFAULT_PRIOR,
) -> DecisionRule:
    """The decision rule a caller asked for: by rate (default 1e-3), by hand, or ready-made.

    Args:
        model_id: the face network.
        fmr: decide at this false match rate.
        threshold: decide at this similarity.
        rule: decide by this, its prior included.
        prior: P(same person) before looking, from which probabilities start.

    Raises:
        CalibrationError: more than one is given, the threshold is no cosine, the rate is out of
            reach, the prior is none, or the rule is none.
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
        return load_calibration(model_id).rule(DEFAULT_FMR if fmr is None else fmr, prior=prior)
    if not -1.0 <= threshold <= 1.0:
        raise CalibrationError(f"threshold {threshold:g} is no cosine similarity: give -1 to 1")
    known = load_calibration(model_id).probability if has_calibration(model_id) else None
    return DecisionRule(threshold, probability=known, prior=checked_prior(prior))
