from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from steadyface.errors import MissingExtraError, OutputError
from steadyface.evaluation import plots
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import Pair, read_gender_folder, read_match_folder
from steadyface.evaluation.match import evaluate_match
from steadyface.evaluation.pairs import PairsEvaluation
from steadyface.evaluation.plots import plot_histogram, plot_roc, require_plotting
from steadyface.evaluation.plotting import plot_gender, plot_match, plot_pairs
from steadyface.matching.calibration import DecisionRule
from steadyface.pipeline import Analyzer

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]
NAMES = ["confusion.png", "roc.png", "scores.png"]


def assert_pictures(folder: Path, names: list[str]) -> None:
    assert sorted(file.name for file in folder.iterdir()) == names
    for name in names:
        with Image.open(folder / name) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 300
            # Drawn on: not one colour.
            assert np.asarray(picture.convert("L")).std() > 5


def test_plots_of_genders(tmp_path: Path, colours: Colours, paint: Paint) -> None:
    for name, blue in (("female/a", 204), ("female/b", 90), ("male/c", 51), ("male/d", 153)):
        paint(tmp_path / "in" / f"{name}.png", blue=blue)
    evaluation = evaluate_gender(colours(), read_gender_folder(tmp_path / "in"))
    (tmp_path / "out").mkdir()
    assert plot_gender(evaluation, evaluation.summary(), tmp_path / "out") == ()
    assert_pictures(tmp_path / "out", NAMES)


def test_a_class_without_an_answer_has_no_histogram(
    tmp_path: Path, colours: Colours, paint: Paint, break_image: Paint
) -> None:
    paint(tmp_path / "in" / "female" / "a.png", blue=204)
    break_image(tmp_path / "in" / "male" / "b.png")
    evaluation = evaluate_gender(colours(), read_gender_folder(tmp_path / "in"))
    (tmp_path / "out").mkdir()
    said = plot_gender(evaluation, evaluation.summary(), tmp_path / "out")
    assert said == ("scores.png is not drawn: no man has a score",)
    assert_pictures(tmp_path / "out", NAMES[:2])


@pytest.mark.parametrize("alone", [False, True])
def test_plots_of_matches(tmp_path: Path, colours: Colours, paint: Paint, alone: bool) -> None:
    paint(tmp_path / "in" / "Ann" / "1.png", degrees=0)
    if not alone:
        paint(tmp_path / "in" / "Ben" / "1.png", degrees=90)
    paint(tmp_path / "in" / "Ann" / "distortion" / "1_noisy.png")
    dataset = read_match_folder(tmp_path / "in")
    evaluation = evaluate_match(colours(), dataset, DecisionRule(0.5))
    (tmp_path / "out").mkdir()
    said = plot_match(evaluation, evaluation.summary(), tmp_path / "out")
    reason = "roc.png and scores.png are not drawn: there is no non-mated comparison"
    assert said == ((reason,) if alone else ())
    assert_pictures(tmp_path / "out", NAMES[:1] if alone else NAMES)


def test_plots_of_pairs_count_at_the_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = (True, True, True, False, False, False, False)
    pairs = tuple(Pair("a", "b", same, 0) for same in truth)
    scores = np.array([0.9, 0.5, 0.2, 0.6, 0.1, -1, -1], dtype=np.float32)
    seen: list[object] = []
    draw = plots.plot_confusion

    def record(counts: np.ndarray, *rest: object) -> None:
        seen.append((counts.tolist(), *rest))
        draw(counts, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("steadyface.evaluation.plotting.plot_confusion", record)
    assert plot_pairs(PairsEvaluation(None, pairs, scores, (), ()), 0.5, tmp_path) == ()
    words = ("different", "same")
    columns = (*words, "no answer")
    # A pair that was lost is no right answer.
    assert seen == [([[1, 1, 2], [1, 2, 0]], words, columns, tmp_path / "confusion.png")]
    assert_pictures(tmp_path, NAMES)


def test_scores_that_are_all_alike(tmp_path: Path) -> None:
    alike = np.array([0.5, 0.5], dtype=np.float32)
    plot_roc(alike, alike, tmp_path / "roc.png", names=("x", "y"))
    plot_histogram(
        alike, alike, tmp_path / "scores.png", names=("a", "b"), threshold=0.4, axis="score"
    )
    assert_pictures(tmp_path, NAMES[1:])


def test_a_plot_that_cannot_be_written(tmp_path: Path) -> None:
    scores = np.array([0.5, 0.25], dtype=np.float32)
    place = tmp_path / "missing" / "roc.png"
    with pytest.raises(OutputError) as caught:
        plot_roc(scores, scores, place, names=("x", "y"))
    assert str(caught.value) == (
        f"{place}: cannot be written (No such file or directory); choose another place"
    )


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    require_plotting()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError) as caught:
        require_plotting()
    assert str(caught.value) == (
        "plots need matplotlib; install it with: pip install 'steadyface[report]'"
    )
