from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from steadyface.errors import NoFaceError, NotAnImageError
from steadyface.evaluation.embedding import Outcome
from steadyface.evaluation.gender import GenderEvaluation, evaluate_gender
from steadyface.evaluation.layouts import GENDERS, GenderImage, read_gender_folder
from steadyface.imaging.decode import decode
from steadyface.pipeline import Analyzer, estimate_gender
from steadyface.types import Box, Embedding, Face

Colours = Callable[..., Analyzer]
Paint = Callable[..., Path]

KINDS = ("blurred", "clean", "noisy")


@pytest.fixture
def seven(tmp_path: Path, paint: Paint, paint_black: Paint, break_image: Paint) -> Path:
    """Four women, of whom two give no answer and one is missed, and three men, one missed."""
    paint(tmp_path / "female" / "a.png", blue=204)
    paint(tmp_path / "female" / "b_noisy.png", blue=102)
    break_image(tmp_path / "female" / "c.png")
    paint_black(tmp_path / "female" / "d.png")
    paint(tmp_path / "male" / "e.png", blue=51)
    paint(tmp_path / "male" / "f_noisy.png", blue=153)
    paint(tmp_path / "male" / "g_noisy.png", blue=26)
    return tmp_path


def test_figures_worked_by_hand(seven: Path, colours: Colours) -> None:
    summary = evaluate_gender(colours(detection="require"), read_gender_folder(seven)).summary()
    overall = summary["overall"]
    assert overall["images"] == 7
    assert overall["accuracy"] == pytest.approx(3 / 7)
    assert overall["balanced_accuracy"] == pytest.approx(11 / 24)
    assert overall["classes"] == {
        "female": pytest.approx({"precision": 1 / 2, "recall": 1 / 4, "f1": 1 / 3, "support": 4}),
        "male": pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}),
    }
    assert overall["macro"] == pytest.approx({"precision": 7 / 12, "recall": 11 / 24, "f1": 1 / 2})
    assert overall["confusion"] == {
        "rows": ["female", "male"],
        "columns": ["female", "male", "no answer"],
        "counts": [[1, 1, 2], [1, 2, 0]],
    }
    # Women 0.8, 0.4 and two that are wrong at every threshold, men 0.2, 0.6, 0.1.
    assert overall["roc_auc"] == pytest.approx(5 / 12)
    assert overall["without_score"] == 2
    # Wilson's formula for 3 of 7, with z = 1.96.
    assert overall["accuracy_interval"] == pytest.approx([0.1582, 0.7495], abs=1e-4)
    assert overall["detection"] == {
        "found": 5,
        "rescued": 0,
        "assumed": 0,
        "skipped": 0,
        "undetected": 1,
        "undecodable": 1,
    }


def test_figures_by_kind_worked_by_hand(seven: Path, colours: Colours) -> None:
    summary = evaluate_gender(colours(detection="require"), read_gender_folder(seven)).summary()
    kinds = summary["by_kind"]
    assert list(kinds) == ["clean", "noisy"]
    assert [kinds[kind]["images"] for kind in kinds] == [4, 3]
    assert [kinds[kind]["accuracy"] for kind in kinds] == pytest.approx([2 / 4, 1 / 3])
    assert [kinds[kind]["roc_auc"] for kind in kinds] == pytest.approx([1 / 3, 1 / 2])
    assert kinds["clean"]["confusion"]["counts"] == [[1, 0, 2], [0, 1, 0]]
    assert kinds["noisy"]["confusion"]["counts"] == [[0, 1, 0], [1, 1, 0]]
    assert kinds["clean"]["detection"]["undecodable"] == 1
    assert kinds["noisy"]["detection"]["undecodable"] == 0


def test_failures_are_named_with_their_reason(seven: Path, colours: Colours) -> None:
    evaluation = evaluate_gender(colours(detection="require"), read_gender_folder(seven))
    assert evaluation.summary()["failures"] == [
        {
            "source": str(seven / "female" / "c.png"),
            "what": "undecodable",
            "reason": why(seven / "female" / "c.png").partition(": ")[2],
        },
        {
            "source": str(seven / "female" / "d.png"),
            "what": "undetected",
            "reason": "no face was found; use a clearer image, or detection 'skip' if it is "
            "a face crop",
        },
    ]


def test_one_row_an_image(seven: Path, colours: Colours) -> None:
    rows = evaluate_gender(colours(detection="require"), read_gender_folder(seven)).rows()
    assert len(rows) == 7
    assert rows[1] == {
        "image": str(seven / "female" / "b_noisy.png"),
        "kind": "noisy",
        "gender": "female",
        "predicted": "male",
        "p_female": 0.4,
        "detection": "found",
        "error": "",
    }
    assert rows[2] == {
        "image": str(seven / "female" / "c.png"),
        "kind": "clean",
        "gender": "female",
        "predicted": "",
        "p_female": "",
        "detection": "undecodable",
        "error": why(seven / "female" / "c.png"),
    }


def test_uncertain_is_no_answer(seven: Path, colours: Colours) -> None:
    analyzer = colours(min_gender_confidence=0.7)
    evaluation = evaluate_gender(analyzer, read_gender_folder(seven))
    # Certain are a (0.8), e (0.2) and g (0.1) alone, and the black d, which is taken as a face.
    assert evaluation.predicted.tolist() == [0, -1, -1, 1, 1, -1, 1]
    assert [row["predicted"] for row in evaluation.rows()] == [
        "female",
        "uncertain",
        "",
        "male",
        "male",
        "uncertain",
        "male",
    ]
    overall = evaluation.summary()["overall"]
    assert overall["accuracy"] == pytest.approx(3 / 7)
    # The scores are there all the same: women 0.8, 0.4, none, 0.0 and men 0.2, 0.6, 0.1.
    assert overall["roc_auc"] == pytest.approx(5 / 12)
    assert overall["without_score"] == 1


def test_a_class_without_an_answered_image_is_all_wrong(
    tmp_path: Path, colours: Colours, paint: Paint, break_image: Paint
) -> None:
    paint(tmp_path / "female" / "a.png", blue=204)
    break_image(tmp_path / "male" / "b.png")
    overall = evaluate_gender(colours(), read_gender_folder(tmp_path)).summary()["overall"]
    assert overall["roc_auc"] == 0
    assert overall["classes"]["male"] == {
        "precision": None,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }
    assert overall["macro"]["precision"] is None
    assert overall["accuracy"] == 0.5


def test_a_kind_that_shows_one_class_alone_has_no_curve(
    tmp_path: Path, colours: Colours, paint: Paint
) -> None:
    paint(tmp_path / "female" / "a_noisy.png", blue=204)
    paint(tmp_path / "male" / "b.png", blue=51)
    kinds = evaluate_gender(colours(), read_gender_folder(tmp_path)).summary()["by_kind"]
    assert [kinds[kind]["roc_auc"] for kind in ("clean", "noisy")] == [None, None]


def test_a_network_without_a_gender_head_gives_no_answer() -> None:
    image = GenderImage(Path("a.jpg"), "female", "clean")
    evaluation = GenderEvaluation((image,), (Outcome("a.jpg", face(None), None),))
    assert evaluation.predicted.tolist() == [-1]
    assert np.isnan(evaluation.p_female).all()
    assert evaluation.rows()[0]["predicted"] == ""
    assert evaluation.summary()["overall"]["accuracy"] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_sklearns(seed: int) -> None:
    evaluation = random_evaluation(seed)
    summary = evaluation.summary()
    everything = np.ones(len(evaluation.images), dtype=np.bool_)
    assert_sklearns(summary["overall"], evaluation, everything)
    for kind in KINDS:
        chosen = np.array([image.kind == kind for image in evaluation.images])
        assert_sklearns(summary["by_kind"][kind], evaluation, chosen)


def why(broken: Path) -> str:
    """What the decoder says of it."""
    with pytest.raises(NotAnImageError) as caught:
        decode(broken)
    return str(caught.value)


def face(p_female: float | None) -> Face:
    gender = None if p_female is None else estimate_gender(p_female, None)
    embedding = Embedding(np.array([1, 0], dtype=np.float32), "colours")
    return Face("found", Box(0, 0, 1, 1), None, None, None, embedding, gender)


def random_evaluation(seed: int) -> GenderEvaluation:
    """200 images, of which about a fifth give no answer."""
    rng = np.random.default_rng(seed)
    images, outcomes = [], []
    for number in range(200):
        gender, kind = GENDERS[rng.integers(2)], KINDS[rng.integers(3)]
        image = GenderImage(Path(f"{number}.jpg"), gender, kind)
        # Steps of a tenth, so that there are ties.
        p = round(float(np.clip(rng.normal(0.6 if gender == "female" else 0.4, 0.2), 0, 1)), 1)
        source = str(image.path)
        lost = [
            Outcome(source, None, NotAnImageError(source, "no")),
            Outcome(source, None, NoFaceError(source, "no")),
        ]
        images.append(image)
        outcomes.append(lost[number % 2] if rng.random() < 0.2 else Outcome(source, face(p), None))
    return GenderEvaluation(tuple(images), tuple(outcomes))


def assert_sklearns(
    figures: dict[str, object], evaluation: GenderEvaluation, chosen: np.ndarray
) -> None:
    truth = [image.gender for image, use in zip(evaluation.images, chosen, strict=True) if use]
    outcomes = [outcome for outcome, use in zip(evaluation.outcomes, chosen, strict=True) if use]
    scores = [o.face.gender.p_female if o.face and o.face.gender else None for o in outcomes]
    said = ["none" if p is None else "female" if p >= 0.5 else "male" for p in scores]
    assert 0 < said.count("none") < len(said)

    def averaged(average: str | None) -> object:
        return sk.precision_recall_fscore_support(
            truth, said, labels=list(GENDERS), average=average, zero_division=np.nan
        )

    assert figures["images"] == len(truth)
    assert figures["accuracy"] == pytest.approx(sk.accuracy_score(truth, said))
    names = ("precision", "recall", "f1")
    macro = averaged("macro")[:3]  # type: ignore[index]
    assert figures["macro"] == pytest.approx(dict(zip(names, macro, strict=True)))
    columns = np.array(averaged(None)).T
    for gender, column in zip(GENDERS, columns, strict=True):
        expected = dict(zip((*names, "support"), column, strict=True))
        assert figures["classes"][gender] == pytest.approx(expected)  # type: ignore[index]
    counts = sk.confusion_matrix(truth, said, labels=[*GENDERS, "none"])[:2]
    assert figures["confusion"]["counts"] == counts.tolist()  # type: ignore[index]
    women = [t == "female" for t in truth]
    wrong = [
        (-9 if woman else 9) if p is None else p for woman, p in zip(women, scores, strict=True)
    ]
    assert figures["roc_auc"] == pytest.approx(sk.roc_auc_score(women, wrong))
    assert figures["without_score"] == scores.count(None)
