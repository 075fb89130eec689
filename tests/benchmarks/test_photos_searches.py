"""Both ways of giving roles as one table of searches, and its intervals."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.photos_identification import _vectors, figures, searches

from steadyface.types import Box, Embedding, Face, ImageResult

PEOPLE = [f"{person:02d}" for person in range(40) for _ in range(8)]
VECTORS = np.repeat(np.eye(40), 8, axis=0)


def test_everybody_is_searched_in_both_roles() -> None:
    made = searches(VECTORS, VECTORS, PEOPLE)
    assert made.scores.shape == (2 * (20 * 5 + 20 * 8), 20)
    assert (made.truth >= 0).sum() == 2 * 20 * 5
    known = np.flatnonzero(made.truth >= 0)
    assert (made.scores[known, made.truth[known]] == 1.0).all()
    assert made.scores.sum() == len(known)  # nobody is like anybody else
    assert set(made.people[made.truth < 0]) == set(PEOPLE)


def test_an_odd_number_of_people_leaves_a_template_out_that_nobody_meets() -> None:
    made = searches(VECTORS[:40], VECTORS[:40], PEOPLE[:40])
    assert made.scores.shape[1] == 3
    second = made.scores[3 * 5 + 2 * 8 :]
    assert np.isneginf(second[:, 2]).all() and np.isfinite(second[:, :2]).all()


def test_a_person_without_a_usable_reference_is_missed_and_met_by_nobody() -> None:
    lost = VECTORS.copy()
    lost[:3] = np.nan  # all references of the first person
    told = figures(lost, VECTORS, PEOPLE)
    assert told["rank_1"] == pytest.approx(39 / 40)
    assert told["fnir_at_fpir_1e-2"] == pytest.approx(1 / 40)
    assert told["tar_at_fmr_1e-3"] == pytest.approx(39 / 40)


def test_one_good_reference_is_enough() -> None:
    some = VECTORS.copy()
    some[:2] = np.nan
    assert figures(some, VECTORS, PEOPLE)["rank_1"] == 1.0


def test_strangers_who_look_alike_cost_identifications() -> None:
    probes = VECTORS.copy()
    probes[8:16] = VECTORS[:8]  # the second person's images show the first one
    told = figures(VECTORS, probes, PEOPLE)
    # 8 of 320 strangers' searches score 1, more than FPIR 1e-2 has room for: nobody is returned.
    assert told["fnir_at_fpir_1e-2"] == 1.0
    assert told["rank_1"] == pytest.approx(39 / 40)


def test_intervals_hold_the_rate_and_come_from_the_people() -> None:
    probes = VECTORS.copy()
    for person in range(0, 40, 4):
        probes[8 * person + 3 : 8 * person + 8] = np.nan  # every fourth person is never found
    made = searches(VECTORS, probes, PEOPLE)
    assert made.rates()["rank_1"] == pytest.approx(0.75)
    interval = made.intervals(resamples=200)["rank_1_interval"]
    assert interval is not None
    low, high = interval
    # Five lost probes of one person are one loss: wider than 200 independent probes would give.
    assert low < 0.66 and high > 0.84
    assert made.intervals(resamples=200) == made.intervals(resamples=200)


def face(detection: str) -> Face:
    vector = np.array([1.0, 0.0], dtype=np.float32)
    return Face(detection, Box(0, 0, 9, 9), None, None, None, Embedding(vector, "m"), None)  # type: ignore[arg-type]


def test_the_middle_of_an_image_is_no_face() -> None:
    results = [ImageResult("a", (face(d),)) for d in ("found", "assumed", "rescued")]
    missing = np.isnan(_vectors(results)).any(axis=1)
    assert missing.tolist() == [False, True, False]
