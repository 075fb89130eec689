"""The pure parts of the benchmark of photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.photos_boxes import Tally, in_pixels, read_set, read_voc, read_yolo
from benchmarks.photos_identification import figures, roles_of
from benchmarks.photos_odd import ODD, edges, half
from benchmarks.photos_sizes import crowd
from benchmarks.photos_systems import conditions, mean_of_kinds, shown
from PIL import Image
from sklearn.metrics import average_precision_score

from steadyface.distortions import KINDS
from steadyface.types import Box


def image(file: Path, size: tuple[int, int] = (200, 100)) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 90, 90)).save(file)
    return file


def test_yolo_boxes_are_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    image(tmp_path / "a.jpg").with_suffix(".txt").write_text(
        "0 0.5 0.5 0.2 0.4\n\n1 0.1 0.1 0.2 0.2"
    )
    image(tmp_path / "b.jpg")
    first, second = read_yolo(tmp_path)
    assert second.boxes == ()
    box = in_pixels(first.boxes, (100, 200, 3))[0]
    assert (box.x, box.y, box.width, box.height) == pytest.approx((80, 30, 40, 40))
    (tmp_path / "b.txt").write_text("0 0.5 half")
    with pytest.raises(ValueError, match=r"b\.txt: '0 0.5 half' is no box"):
        read_yolo(tmp_path)


def test_voc_boxes_are_read_in_shares_of_the_annotated_size(tmp_path: Path) -> None:
    image(tmp_path / "i" / "a.jpg")
    image(tmp_path / "i" / "without.jpg")
    (tmp_path / "x").mkdir()
    size = "<size><width>400</width><height>100</height></size>"
    box = "<bndbox><xmin>40</xmin><ymin>10</ymin><xmax>80</xmax><ymax>30</ymax></bndbox>"
    (tmp_path / "x" / "a.xml").write_text(f"<a>{size}<object>{box}</object></a>")
    (one,) = read_voc(tmp_path / "i", tmp_path / "x")
    (read,) = one.boxes
    assert (read.x, read.y, read.width, read.height) == pytest.approx((0.1, 0.1, 0.1, 0.2))
    (tmp_path / "x" / "a.xml").write_text(f"<a>{size}<object><bndbox/></object></a>")
    with pytest.raises(ValueError, match="bndbox/xmin is missing"):
        read_voc(tmp_path / "i", tmp_path / "x")


def test_a_set_that_is_asked_for_wrongly_is_refused() -> None:
    with pytest.raises(SystemExit, match="give NAME=yolo:FOLDER or"):
        read_set("mask=coco:folder")


def test_one_face_counts_once_and_small_ones_not_at_all() -> None:
    tally = Tally()
    faces = [Box(0, 0, 40, 40), Box(100, 0, 40, 40), Box(300, 0, 6, 6)]
    tally.add([(Box(2, 2, 40, 40), 0.9), (Box(1, 1, 40, 40), 0.8), (Box(300, 0, 6, 6), 0.7)], faces)
    assert tally.recall(0.0) == 0.5  # one of two; the small one is not asked for
    assert tally.precision(0.0) == 0.5  # the second sighting is false, the small one not counted
    assert tally.recall(0.85) == 0.5 and tally.recall(0.95) == 0.0
    assert tally.recall(0.0, 200) is None


def test_average_precision_is_that_of_scikit_learn_where_every_face_is_found() -> None:
    rng = np.random.default_rng(0)
    tally, labels, scores = Tally(), [], []
    for _ in range(60):
        hit, score = bool(rng.random() < 0.6), float(rng.random())
        faces = [Box(0, 0, 40, 40)] if hit else []
        tally.add([(Box(0, 0, 40, 40), score)], faces)
        labels.append(hit)
        scores.append(score)
    assert tally.average_precision() == pytest.approx(average_precision_score(labels, scores))
    tally.add([], [Box(0, 0, 40, 40)] * 10)  # faces that nobody found
    found = sum(labels)
    expected = average_precision_score(labels, scores) * found / (found + 10)
    assert tally.average_precision() == pytest.approx(expected)


def test_recall_at_a_precision_is_the_highest_there() -> None:
    tally = Tally()
    far = Box(900, 900, 40, 40)
    for score, hit in ((0.9, True), (0.8, False), (0.7, True), (0.6, True), (0.5, False)):
        tally.add([(Box(0, 0, 40, 40) if hit else far, score)], [Box(0, 0, 40, 40)])
    assert tally.recall_at(0.75) == pytest.approx(3 / 5)
    assert tally.recall_at(0.9) == pytest.approx(1 / 5)
    assert tally.recall_at(None) is None


def test_roles_are_swapped_and_references_are_no_probes() -> None:
    identities = [name for name in "abcd" for _ in range(5)]
    first, second = roles_of(identities, 0), roles_of(identities, 1)
    assert set(first.enrolled) == {"a", "c"} and set(second.enrolled) == {"b", "d"}
    assert first.enrolled["a"] == [0, 1, 2]
    taken = [index for where in first.enrolled.values() for index in where]
    assert sorted(first.probes + taken) == list(range(20))


def test_figures_of_perfect_and_of_lost_answers() -> None:
    identities = [f"{person:02d}" for person in range(40) for _ in range(8)]
    vectors = np.repeat(np.eye(40), 8, axis=0)
    assert figures(vectors, vectors, identities) == {
        "rank_1": 1.0,
        "tar_at_fmr_1e-3": 1.0,
        "fnir_at_fpir_1e-2": 0.0,
    }
    lost = np.full_like(vectors, np.nan)
    assert figures(vectors, lost, identities)["rank_1"] == 0.0
    half_lost = vectors.copy()
    half_lost[7::8] = np.nan  # the last probe of everybody
    assert figures(vectors, half_lost, identities)["rank_1"] == pytest.approx(4 / 5)


def test_conditions_and_their_mean() -> None:
    assert conditions(3) == ["clean", *(f"{kind}:3" for kind in KINDS)]
    row = {f"{kind}:3": float(number) for number, kind in enumerate(KINDS)}
    assert mean_of_kinds(row, 3) == 3.0
    frame = np.full((60, 60, 3), 120, dtype=np.uint8)
    assert shown(frame, "clean", "a") is frame
    np.testing.assert_array_equal(shown(frame, "noisy:3", "a"), shown(frame, "noisy:3", "a"))
    assert (shown(frame, "noisy:3", "a") != shown(frame, "noisy:3", "b")).any()


def test_crowds_hold_every_portrait() -> None:
    portraits = [np.full((50, 50, 3), 10 * n, dtype=np.uint8) for n in range(24)]
    frame, corners, side = crowd(portraits, 1200, 800, 100)
    assert frame.shape == (800, 1200, 3) and len(set(corners)) == 24
    values = [int(frame[y + side // 2, x + side // 2, 0]) for x, y in corners]
    assert values == [10 * n for n in range(24)]


def test_odd_photographs_are_what_their_names_say() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (120, 100, 3)).astype(np.uint8)
    points = np.array([[30, 40], [60, 40], [45, 55], [33, 70], [57, 70]], dtype=np.float32)
    made = {name: make(photo, points) for name, make in ODD.items()}
    np.testing.assert_array_equal(made["negative"], 255 - photo)
    assert made["squeezed to 0.55"].shape == (120, 55, 3)
    assert made["half a face at the border"].shape == (120, 55, 3)
    assert made["turned 90"].shape == (100, 120, 3)
    assert (made["dark glasses"][40, 30] == 12).all()
    drawn = edges(photo, points)
    assert (drawn[..., 0] == drawn[..., 1]).all()
    np.testing.assert_array_equal(half(photo, points), photo[:, 45:])
