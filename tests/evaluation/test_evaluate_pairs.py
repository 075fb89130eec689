from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from steadyface.distortions import apply, rng_for
from steadyface.distortions.suites import Condition
from steadyface.errors import NotAnImageError
from steadyface.evaluation.layouts import Pair, read_pairs
from steadyface.evaluation.pairs import PairsEvaluation, PairsEvaluator
from steadyface.imaging.decode import decode
from steadyface.models.face_network import NetworkOutput
from steadyface.pipeline import Analyzer
from steadyface.types import Detection, RGBImage

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]

#: Four folds; the same person 10 degrees apart, except in the last fold, and others 60 and more.
PAIRS = """4 1
Ann 1 2
Ann 1 Ben 1
Ben 1 2
Ben 2 Ann 1
Ann 2 1
Ann 2 Ben 2
Ann 1 3
Ann 3 Ben 1
"""
DEGREES = {
    "Ann/Ann_0001.jpg": 0,
    "Ann/Ann_0002.jpg": 10,
    "Ann/Ann_0003.jpg": 70,
    "Ben/Ben_0001.jpg": 90,
    "Ben/Ben_0002.jpg": 100,
}


@pytest.fixture
def folds(tmp_path: Path, paint: Paint) -> tuple[tuple[Pair, ...], Path]:
    """The pairs, and the folder of their images."""
    for name, degrees in DEGREES.items():
        # Lossless pixels under the name that the protocol prescribes.
        paint(tmp_path / "x.png", degrees=degrees)
        (tmp_path / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x.png").rename(tmp_path / "lfw" / name)
    file = tmp_path / "pairs.txt"
    file.write_text(PAIRS)
    return read_pairs(file), tmp_path / "lfw"


Folds = tuple[tuple[Pair, ...], Path]


def test_figures_worked_by_hand(folds: Folds, colours: Colours) -> None:
    evaluation = PairsEvaluator(colours(), *folds).evaluate()
    cos = [np.cos(np.radians(d)) for d in (10, 90, 10, 100, 10, 90, 70, 20)]
    assert evaluation.scores == pytest.approx(cos, abs=0.01)
    assert evaluation.same.tolist() == [True, False] * 4
    summary = evaluation.summary()
    assert summary["condition"] == "clean"
    assert (summary["pairs"], summary["mated"], summary["non_mated"]) == (8, 4, 4)
    # The last fold's scores are the wrong way round: the others choose the middle of 0 and
    # cos 10, which calls both its pairs wrongly. It costs the others nothing: above 0 and below
    # cos 70, or above cos 20, one error is the least, and there their own pairs are right.
    assert summary["accuracy_by_fold"] == [1, 1, 1, 0]
    assert summary["accuracy"] == pytest.approx(3 / 4)
    assert summary["accuracy_standard_error"] == pytest.approx(1 / 4)
    # Mated 0.985 (three) beat all four, 0.342 beats the three at 0 or below.
    assert summary["roc_auc"] == pytest.approx((3 * 4 + 3) / 16)
    # FMR = FNMR = 1/4 between 0.342 and 0.940.
    assert summary["eer"] == pytest.approx(1 / 4)
    assert summary["tar_at_fmr_1e-03"] is None


def test_rows_are_the_pairs(folds: Folds, colours: Colours) -> None:
    rows = PairsEvaluator(colours(), *folds).evaluate().rows()
    assert len(rows) == 8
    assert rows[3].pop("similarity") == pytest.approx(np.cos(np.radians(100)), abs=0.01)
    assert rows[3] == {
        "first": "Ben/Ben_0002.jpg",
        "second": "Ann/Ann_0001.jpg",
        "fold": 1,
        "same": 0,
        "first_detection": "found",
        "second_detection": "found",
        "error": "",
    }


def test_rows_say_why_a_pair_has_no_answer(
    folds: Folds, colours: Colours, break_image: Paint, paint_black: Paint
) -> None:
    pairs, images = folds
    break_image(images / "Ann" / "Ann_0001.jpg")
    for name in ("Ann_0002", "Ben_0002", "Ben_0001"):
        black = paint_black(images / "x.png")
        black.rename(images / name[:3] / f"{name}.jpg")
    evaluation = PairsEvaluator(colours(), pairs, images).evaluate()
    rows = evaluation.rows()
    broken, walls, one_wall = rows[0], rows[2], rows[7]
    assert broken["similarity"] == walls["similarity"] == ""
    assert (broken["first_detection"], broken["second_detection"]) == ("undecodable", "assumed")
    assert broken["error"].startswith(f"{images / 'Ann' / 'Ann_0001.jpg'}: not an image")
    assert (walls["first_detection"], walls["second_detection"]) == ("assumed", "assumed")
    assert walls["error"] == "no face was found in either image"
    assert (one_wall["second_detection"], one_wall["error"]) == ("assumed", "")
    assert one_wall["similarity"] != ""
    # Two walls are not compared, as `verify` does not.
    answered = [row["error"] == "" for row in rows]
    assert evaluation.answered.tolist() == answered
    assert evaluation.scores[2] == -1
    assert evaluation.summary()["without_answer"] == answered.count(False) == 7


def test_an_image_that_fails_is_named_once_and_never_matches(
    folds: Folds, colours: Colours, break_image: Paint
) -> None:
    pairs, images = folds
    broken = break_image(images / "Ann" / "Ann_0001.jpg")
    with pytest.raises(NotAnImageError) as caught:
        decode(broken)
    why = str(caught.value).removeprefix(f"{broken}: ")
    evaluator = PairsEvaluator(colours(), pairs, images)
    lost = [("Ann/Ann_0001.jpg" in (pair.first, pair.second)) for pair in pairs]
    for condition in (None, Condition("noisy", 3)):
        evaluation = evaluator.evaluate(condition)
        assert evaluation.scores[lost].tolist() == [-1.0] * 5
        assert (evaluation.scores[np.logical_not(lost)] > -1).all()
        summary = evaluation.summary()
        assert summary["pairs"] == 8
        assert summary["failures"] == [
            {
                "source": "Ann/Ann_0001.jpg",
                "what": "undecodable",
                "reason": why,
            }
        ]
        assert summary["second_image_detection"]["undecodable"] == 1


@pytest.mark.parametrize("lost", ["first", "second"])
def test_one_side_of_every_pair_fails(
    folds: Folds, colours: Colours, break_image: Paint, lost: str
) -> None:
    pairs = tuple(
        Pair(f"a{i}.jpg", f"b{i}.jpg", same, fold)
        for i, (same, fold) in enumerate([(True, 0), (False, 0), (True, 1), (False, 1)])
    )
    images = folds[1]
    for pair in pairs:
        good, bad = (pair.second, pair.first) if lost == "first" else (pair.first, pair.second)
        (images / good).write_bytes((images / "Ann" / "Ann_0001.jpg").read_bytes())
        break_image(images / bad)
    evaluation = PairsEvaluator(colours(), pairs, images).evaluate()
    assert evaluation.scores.tolist() == [-1.0] * 4
    summary = evaluation.summary()
    assert len(summary["failures"]) == 4
    assert summary["accuracy"] == 0


class Recorder:
    """A network that keeps what it was shown."""

    model_id = "recorder"

    def __init__(self) -> None:
        self.seen: list[RGBImage] = []

    def run(self, crops: Sequence[RGBImage]) -> NetworkOutput:
        self.seen.extend(crops)
        return NetworkOutput(np.ones((len(crops), 1), dtype=np.float32), None)


class NobodyFinder:
    """Is never asked."""

    def find(self, image: RGBImage) -> list[Detection]:
        raise AssertionError


def test_the_second_image_alone_is_distorted_the_same_way_each_time(folds: Folds) -> None:
    pairs, images = folds
    network = Recorder()
    evaluator = PairsEvaluator(
        Analyzer(NobodyFinder(), network, detection="skip"), pairs, images, seed=5
    )
    condition = Condition("foggy", 2)
    assert str(evaluator.evaluate(condition).summary()["condition"]) == "foggy:2"
    firsts = sorted({pair.first for pair in pairs})
    seconds = sorted({pair.second for pair in pairs})
    expected = [decode(images / name) for name in firsts] + [
        apply(decode(images / name), "foggy", 2, rng_for(5, name, "foggy")) for name in seconds
    ]
    assert len(network.seen) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(network.seen, expected, strict=True))
    # Clean first images are not embedded again for the next condition.
    network.seen.clear()
    evaluator.evaluate(Condition("noisy", 2))
    assert len(network.seen) == len(seconds)


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_a_plain_loop_and_sklearn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    folds, same = np.repeat(np.arange(10), 60), np.tile(np.repeat([True, False], 30), 10)
    scores = rng.normal(np.where(same, 0.6, 0.0), 0.25).clip(-1, 1).astype(np.float32)
    pairs = tuple(
        Pair(f"{i}a", f"{i}b", bool(s), int(f))
        for i, (s, f) in enumerate(zip(same, folds, strict=True))
    )
    summary = PairsEvaluation(None, pairs, scores, (), ()).summary()
    for fold, accuracy in enumerate(summary["accuracy_by_fold"]):
        assert accuracy in possible_accuracies(scores, same, folds == fold)
    assert summary["accuracy"] == pytest.approx(np.mean(summary["accuracy_by_fold"]))
    spread = np.std(summary["accuracy_by_fold"], ddof=1) / np.sqrt(10)
    assert summary["accuracy_standard_error"] == pytest.approx(spread)
    assert summary["roc_auc"] == pytest.approx(sk.roc_auc_score(same, scores))
    fpr, tpr, _ = sk.roc_curve(same, scores, drop_intermediate=False)
    assert summary["tar_at_fmr_1e-02"] == pytest.approx(tpr[fpr <= 1e-2].max())


def possible_accuracies(scores: Any, same: Any, held: Any) -> set[float]:
    """On the fold held back, at every threshold that is best on the others."""
    ordered = np.unique(scores.astype(np.float64))
    thresholds = np.concatenate([[-1], (ordered[1:] + ordered[:-1]) / 2, [2]])
    right = (scores >= thresholds[:, None]) == same
    elsewhere = right[:, ~held].sum(axis=1)
    return {float(np.mean(here)) for here in right[elsewhere == elsewhere.max()][:, held]}
