from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steadyface.distortions.suites import Condition
from steadyface.errors import ImageTooLargeError
from steadyface.evaluation.layouts import Pair, read_gender_folder, read_pairs
from steadyface.evaluation.pairs import PairsEvaluator
from steadyface.evaluation.robustness.gender import GenderSubject
from steadyface.evaluation.robustness.pairs import PairsSubject, about, tar
from steadyface.evaluation.robustness.pictures import side_by_side
from steadyface.evaluation.shown import as_under
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.metrics import tar_at_fmr, wilson
from steadyface.models.defaults import load_finder, load_network
from steadyface.pipeline import Analyzer
from steadyface.recognition import verification

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]

PAIRS = """2 2
Ada 1 2
Amos 1 2
Ada 1 Amos 1
Ada 2 Amos 2
Cleo 1 2
Ada 1 3
Cleo 1 Amos 2
Ada 3 Cleo 2
"""


# --- gender ---------------------------------------------------------------------------------------


@pytest.fixture
def women_and_men(
    tmp_path: Path, paint: Paint, paint_black: Paint, break_image: Paint
) -> GenderFolder:
    """Three women, one like a man and one unseen; four men, one like a woman, one no image."""
    folder = tmp_path / "people"
    for name, blue in (("a", 250), ("b", 20)):
        paint(folder / "female" / f"{name}.png", blue=blue)
    paint_black(folder / "female" / "c.png")
    for name, blue in (("d", 10), ("e", 30), ("f", 200)):
        paint(folder / "male" / f"{name}.png", blue=blue)
    break_image(folder / "male" / "g.png")
    paint(folder / "male" / "d_noisy.png", blue=10)  # not clean: left out
    return folder


GenderFolder = Path


def test_gender_errors_are_told_apart_by_cause(women_and_men: Path, colours: Colours) -> None:
    images = read_gender_folder(women_and_men)
    subject = GenderSubject(colours(), women_and_men, images)
    assert len(subject.files) == 7
    assert subject.persons[:2] == ["female/a.png", "female/b.png"]
    cell = subject.measure(None)
    assert (cell.name, cell.count) == ("clean", 7)
    # c is taken from the middle of the frame and called a man; g is no image.
    assert cell.wrong == {"detection": 2, "recognition": 2}
    assert cell.figures["accuracy"].value == pytest.approx(3 / 7)
    assert cell.figures["recall of women"].value == pytest.approx(1 / 3)
    assert cell.figures["recall of men"].value == pytest.approx(2 / 4)
    low, high = cell.figures["accuracy"].interval or (0, 0)
    assert low < 3 / 7 < high
    assert cell.detection["assumed"] == cell.detection["undecodable"] == 1
    assert sum(cell.histograms["female"]) == 3
    assert sum(cell.histograms["male"]) == 3
    assert len(cell.edges) == len(cell.histograms["male"]) + 1
    assert [w.images for w in cell.worst] == [
        ("female/c.png",),
        ("female/b.png",),
        ("male/f.png",),
    ]
    assert cell.worst[2].said == "P(female) 0.78"
    assert [f["source"] for f in cell.failures] == [str(women_and_men / "male" / "g.png")]
    assert (subject.decode("male/f.png") == decode(women_and_men / "male" / "f.png")).all()


def test_what_flat_colours_do_not_show_changes_nothing(
    women_and_men: Path, colours: Colours
) -> None:
    images = read_gender_folder(women_and_men)
    subject = GenderSubject(colours(), women_and_men, images, seed=3)
    clean, blurred = subject.measure(None), subject.measure(Condition("blurred", 4.0))
    assert (blurred.kind, blurred.severity, blurred.name) == ("blurred", 4.0, "blurred:4")
    assert blurred.figures == clean.figures
    dark = subject.measure(Condition("lowlight", 5.0))
    assert dark.histograms["male"] != clean.histograms["male"]


def test_an_image_is_shown_as_it_was_measured(women_and_men: Path) -> None:
    image = decode(women_and_men / "female" / "a.png")
    condition = Condition("noisy", 3.0)
    once, again = (as_under(condition, image, "female/a.png", 1) for _ in range(2))
    assert (once == again).all()
    assert (once != as_under(condition, image, "female/a.png", 2)).any()
    assert as_under(None, image, "female/a.png", 1) is image


def test_images_are_shown_up_to_the_limit_they_were_measured_to(
    women_and_men: Path, colours: Colours
) -> None:
    images = read_gender_folder(women_and_men)
    size = decode(images[0].path)[:, :, 0].size
    at, below = (colours(max_pixels=size - less) for less in (0, 1))
    assert GenderSubject(at, women_and_men, images).decode("female/a.png").size == 3 * size
    with pytest.raises(ImageTooLargeError):
        GenderSubject(below, women_and_men, images).decode("female/a.png")
    assert side_by_side([None])[:4] == side_by_side([None, at.decode(images[0].path)])[:4]


def test_labels_are_what_is_said_of_the_images(women_and_men: Path, colours: Colours) -> None:
    subject = GenderSubject(colours(), women_and_men, read_gender_folder(women_and_men))
    assert subject.labels[0] == ["female/a.png", "female"]
    assert len(subject.labels) == len(subject.files) == 7
    assert subject.dataset["counts"] == {"female": 3, "male": 4}
    pairs = (Pair("A/1.jpg", "A/2.jpg", True, 0), Pair("A/1.jpg", "B/1.jpg", False, 0))
    corrected = PairsSubject(colours(), women_and_men, pairs[::-1], DecisionRule(0.5))
    assert corrected.labels == [
        ["A/1.jpg", "B/1.jpg", False, 0],
        ["A/1.jpg", "A/2.jpg", True, 0],
    ]


# --- pairs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(identities: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample identities as LFW lays them out, and pairs of them."""
    folder = tmp_path_factory.mktemp("lfw")
    for name in ("Ada", "Amos", "Cleo"):
        (found,) = identities.rglob(name)
        (folder / "images" / name).parent.mkdir(exist_ok=True)
        (folder / "images" / name).symlink_to(found)
    (folder / "pairs.txt").write_text(PAIRS)
    return folder


@pytest.fixture(scope="module")
def seeing() -> Analyzer:
    return Analyzer(load_finder(), load_network(), faces="central")


@pytest.mark.parametrize("condition", [None, Condition("resized", 5.0), Condition("noisy", 5.0)])
def test_decisions_are_those_of_verify(
    people: Path, seeing: Analyzer, condition: Condition | None
) -> None:
    pairs = read_pairs(people / "pairs.txt")
    rule = rule_for(seeing.model_id)
    evaluation = PairsEvaluator(seeing, pairs, people / "images").evaluate(condition)
    first, second = evaluation.by_pair()
    found = evaluation.matched(rule)
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        assert a.face is not None and b.face is not None
        told = verification(a.face, b.face, rule, ("a", "b")).comparison
        assert bool(found[row]) == bool(told.label)


def test_a_cell_of_pairs(people: Path, seeing: Analyzer) -> None:
    pairs = read_pairs(people / "pairs.txt")
    rule = rule_for(seeing.model_id)
    subject = PairsSubject(seeing, people / "images", pairs, rule)
    assert [file.name for file in subject.files][:2] == ["Ada_0001.jpg", "Ada_0002.jpg"]
    clean = subject.measure(None)
    assert (clean.count, sum(clean.histograms["mated"])) == (8, 4)
    assert subject.persons == ["Ada", "Amos", "Ada", "Ada", "Cleo", "Ada", "Cleo", "Ada"]
    assert clean.figures["TAR at FMR 1e-3"].value is None  # four non-mated pairs support no rate
    assert clean.figures["FMR of decisions"].value == 0
    assert clean.wrong["detection"] == 0
    every = PairsSubject(seeing, people / "images", pairs, DecisionRule(-1.0)).measure(None)
    assert every.figures["FMR of decisions"].value == 1
    assert every.wrong == {"detection": 0, "recognition": 4}
    assert {w.truth for w in every.worst} == {"different people"}
    assert len(every.worst[0].images) == 2


def test_perfect_results_have_intervals_of_some_width() -> None:
    people = np.array([f"p{n // 4}" for n in range(4000)])
    same = np.arange(4000) % 2 == 0
    found = tar(np.where(same, 0.9, 0.1).astype(np.float32), same, people)
    assert found.value == 1
    assert found.interval == wilson(1000, 1000)
    # Ten folds without an error, and ten that all have the same.
    assert about(1.0, 0.0, people) == wilson(1000, 1000)
    assert about(0.9, 1e-17, people) == wilson(900, 1000)
    assert about(0.9, 0.01, people) == pytest.approx((0.8804, 0.9196))


def test_tar_is_that_of_the_metric_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(4000) % 2 == 0
    scores = np.where(same, rng.normal(0.6, 0.2, 4000), rng.normal(0, 0.15, 4000)).astype(
        np.float32
    )
    people = np.array([f"p{n // 8}" for n in range(4000)])
    found = tar(scores, same, people)
    assert found.value == tar_at_fmr(scores[same], scores[~same], 1e-3)
    assert found.interval is not None and found.value is not None
    low, high = found.interval
    assert low < found.value < high
    assert high - low < 0.1
