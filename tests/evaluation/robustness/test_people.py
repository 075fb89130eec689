from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steadyface.distortions.suites import Condition
from steadyface.errors import DatasetLayoutError
from steadyface.evaluation.layouts import read_people
from steadyface.evaluation.robustness.cells import share_by_person
from steadyface.evaluation.robustness.people import PeopleSubject, split_people
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule
from steadyface.metrics import fnir_at_fpir, wilson
from steadyface.pipeline import Analyzer

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]

RULE = DecisionRule(0.9)


@pytest.fixture
def folder(tmp_path: Path, paint: Paint, paint_black: Paint, break_image: Paint) -> Path:
    """Ann and Ben with probes, one of each wrong; strangers, one like Ann."""
    people = tmp_path / "people"
    paint(people / "Ann" / "1.png", degrees=0)
    paint(people / "Ann" / "2.png", degrees=10)
    paint(people / "Ann" / "3.png", degrees=88)  # taken for Ben
    break_image(people / "Ann" / "4.png")
    paint(people / "Ann" / "1_noisy.png", degrees=0)  # not clean: left out
    paint(people / "Ben" / "1.png", degrees=90)
    paint(people / "Ben" / "2.png", degrees=95)
    paint_black(people / "Ben" / "3.png")  # its middle is compared, and is like nobody
    paint(people / "Cleo" / "1.png", degrees=4)  # taken for Ann
    paint(people / "Dora" / "1.png", degrees=200)
    return people


def subject_of(folder: Path, colours: Colours, references: int = 1) -> PeopleSubject:
    people = split_people(folder, read_people(folder), references)
    return PeopleSubject(colours(), folder, people, RULE)


def test_everyone_with_more_images_is_enrolled_and_the_others_are_strangers(folder: Path) -> None:
    people = split_people(folder, read_people(folder), 1)
    assert {n: [p.name for p in paths] for n, paths in people.references.items()} == {
        "Ann": ["1.png"],
        "Ben": ["1.png"],
    }
    assert [(p.path.parent.name, p.path.name, p.identity) for p in people.probes] == [
        ("Ann", "2.png", "Ann"),
        ("Ann", "3.png", "Ann"),
        ("Ann", "4.png", "Ann"),
        ("Ben", "2.png", "Ben"),
        ("Ben", "3.png", "Ben"),
        ("Cleo", "1.png", None),
        ("Dora", "1.png", None),
    ]
    two = split_people(folder, read_people(folder), 2)
    assert [len(paths) for paths in two.references.values()] == [2, 2]
    three = split_people(folder, read_people(folder), 3)
    assert list(three.references) == ["Ann"]
    assert sum(p.identity is None for p in three.probes) == 5


def test_nobody_with_more_images_is_an_error(folder: Path) -> None:
    with pytest.raises(DatasetLayoutError, match="nobody has more than 4 clean images"):
        split_people(folder, read_people(folder), 4)
    only = {"Ann": (folder / "Ann" / "1.png",)}
    with pytest.raises(DatasetLayoutError, match=r"more than 1 clean image, .* --references"):
        split_people(folder, only, 1)


def test_a_cell_worked_by_hand(folder: Path, colours: Colours) -> None:
    subject = subject_of(folder, colours)
    assert len(subject.files) == 9
    cell = subject.measure(None)
    assert (cell.name, cell.count) == ("clean", 7)
    # Right: Ann 2, Ben 2 and Dora. Ann 4 is no image; Ben 3 shows no face.
    assert cell.right == "1001001"
    assert subject.persons == ["Ann", "Ann", "Ann", "Ben", "Ben", "Cleo", "Dora"]
    assert cell.wrong == {"detection": 2, "recognition": 2}
    figures = {name: figure.value for name, figure in cell.figures.items()}
    assert figures["label and identity"] == pytest.approx(3 / 7)
    assert figures["rank-1"] == pytest.approx(2 / 5)
    assert figures["FPIR of decisions"] == 1 / 2
    assert figures["FNIR of decisions"] == pytest.approx(3 / 5)
    assert figures["FNIR at FPIR 1e-2"] is None  # two strangers support no such rate
    assert [sum(cell.histograms[sort]) for sort in ("mated", "non-mated")] == [3, 6]
    worst = {one.images: (one.truth, one.said.split(", similarity")[0]) for one in cell.worst}
    assert worst == {
        ("Ann/1.png", "Ben/3.png"): ("Ben", "closest Ann"),
        ("Ben/1.png", "Ann/3.png"): ("Ann", "matched Ben"),
        ("Ann/1.png", "Cleo/1.png"): ("not enrolled", "matched Ann"),
    }
    assert [f["source"] for f in cell.failures] == [str(folder / "Ann" / "4.png")]
    assert (subject.decode("Ann/3.png") == decode(folder / "Ann" / "3.png")).all()


def test_references_stay_clean_and_are_embedded_once(folder: Path, colours: Colours) -> None:
    seen: list[str] = []
    analyzer = colours()
    people = split_people(folder, read_people(folder), 1)
    decode = analyzer.decode

    def counting(source: object) -> object:
        seen.append(Path(str(source)).relative_to(folder).as_posix())
        return decode(source)  # type: ignore[arg-type]

    analyzer.decode = counting  # type: ignore[method-assign, assignment]
    subject = PeopleSubject(analyzer, folder, people, RULE)
    clean, blurred = subject.measure(None), subject.measure(Condition("blurred", 4.0))
    assert [seen.count(f"{name}/1.png") for name in ("Ann", "Ben", "Cleo")] == [1, 1, 2]
    assert blurred.name == "blurred:4"
    assert blurred.figures == clean.figures  # flat colours show no blur


def test_fnir_is_that_of_the_metric_and_its_interval_holds_it(
    tmp_path: Path, paint: Paint, colours: Colours
) -> None:
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 180, 16)  # neighbours are taken for one another
    for number, angle in enumerate(angles):
        for image, off in enumerate((0, *rng.normal(0, 6, 3))):
            paint(tmp_path / f"p{number:02d}" / f"{image}.png", degrees=angle + off)
    for number, angle in enumerate(rng.uniform(230, 310, 110)):
        paint(tmp_path / f"s{number:03d}" / "0.png", degrees=angle)
    subject = subject_of(tmp_path, colours)
    figure = subject.measure(None).figures["FNIR at FPIR 1e-2"]
    evaluator = subject._evaluator
    assert evaluator is not None
    evaluation = evaluator.evaluate(subject._people.probes)
    expected = fnir_at_fpir(evaluation.decision_scores, evaluation.truth, 1e-2)
    assert figure.value == expected
    assert expected is not None and 0 < expected < 1
    assert figure.interval is not None
    low, high = figure.interval
    assert low <= expected <= high
    assert high - low < 0.4


def test_perfect_results_have_an_interval_of_some_width(
    tmp_path: Path, paint: Paint, colours: Colours
) -> None:
    for name, angle in (("Ann", 0), ("Ben", 90)):
        for number in range(2):
            paint(tmp_path / name / f"{number}.png", degrees=angle)
    for number in range(100):
        paint(tmp_path / f"s{number:03d}" / "0.png", degrees=220)
    figures = subject_of(tmp_path, colours).measure(None).figures
    assert figures["FNIR at FPIR 1e-2"].value == 0
    assert figures["FNIR at FPIR 1e-2"].interval == wilson(0, 2)


def test_probes_of_whom_no_reference_can_be_used_are_errors_of_detection(
    folder: Path, colours: Colours, paint_black: Paint
) -> None:
    unusable = paint_black(folder / "Ben" / "1.png")
    subject = subject_of(folder, colours)
    clean, blurred = subject.measure(None), subject.measure(Condition("blurred", 1.0))
    # Ann 3 alone has faces on both sides and is wrong: nobody else is close, so it is of
    # recognition, as is Cleo; Ann 4 is no image, and of Ben nothing is enrolled.
    assert clean.wrong == {"detection": 3, "recognition": 2}
    sources = [[f["source"] for f in cell.failures] for cell in (clean, blurred)]
    broken = str(folder / "Ann" / "4.png")
    assert sources == [[broken, str(unusable)], [broken]]


def test_labels_say_who_is_enrolled_and_the_rest_is_named(folder: Path, colours: Colours) -> None:
    subject = subject_of(folder, colours)
    assert ["Ann/1.png", "Ann", "reference"] in subject.labels
    assert ["Ann/2.png", "Ann", "probe"] in subject.labels
    assert ["Dora/1.png", None, "probe"] in subject.labels
    assert len(subject.labels) == len(subject.files)
    assert subject_of(folder, colours, references=2).labels != subject.labels
    assert subject.dataset["strangers"] == {"count": 2, "names": ["Cleo", "Dora"]}
    assert subject.dataset["left_out"] == [
        {"what": "images named as distorted", "count": 1, "names": ["Ann/1_noisy.png"]}
    ]


def test_a_share_by_person_is_wider_than_by_row() -> None:
    hits = np.repeat(np.arange(20) % 3 > 0, 10)
    persons = np.repeat([f"p{n}" for n in range(20)], 10)
    together = share_by_person(hits, persons)
    alone = share_by_person(hits, np.arange(200).astype(str))
    assert together.value == alone.value == hits.mean()
    assert together.interval is not None and alone.interval is not None
    widths = [high - low for low, high in (together.interval, alone.interval)]
    assert widths[0] > 2 * widths[1]
    assert share_by_person(hits[:0], persons[:0]).value is None
