"""A small student in place of SFace: the loop is the same, and a test takes seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from steadyface.errors import UsageError
from steadyface.training.augment import LABELS
from steadyface.training.crops import CANVAS, FaceSet
from steadyface.training.embedder import Batch, Labels, Student, losses, weighted
from steadyface.training.recipe import Mix, Recipe
from steadyface.training.run import Run, asked, rate_at
from steadyface.training.sface_torch import FEATURES, ConvPReLU, SFace
from steadyface.training.shower import NOBODY, Shower
from steadyface.training.targets import blend_identities, labels_of, unit

RECIPE = Recipe(
    steps=6, batch=4, warmup=2, bank=8, workers=0, rate=1e-3, mix=Mix(weights={"sunny": 2.0})
)


def small_sface() -> SFace:
    torch.manual_seed(0)
    narrow = nn.Conv2d(3, 4, 3, stride=16, padding=1)
    wide = nn.Conv2d(4, FEATURES, 1)
    return SFace([ConvPReLU(narrow), ConvPReLU(wide)], grid=7)


def small_faces(count: int = 12) -> FaceSet:
    rng = np.random.default_rng(0)
    canvases = rng.integers(0, 256, (count, CANVAS, CANVAS, 3), dtype=np.uint8)
    female = np.array([1, 0, -1] * (count // 3), dtype=np.int8)
    identity = np.arange(count, dtype=np.int64) // 2
    return FaceSet(canvases, female, np.array(["a"] * count), identity, ("x",) * count)


def teacher(count: int = 12) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(1)
    return unit(rng.standard_normal((count, 128)).astype(np.float32))


def small_labels() -> Labels:
    return labels_of(small_faces(), teacher(), RECIPE.identity)


def run(folder: Path, recipe: Recipe = RECIPE, *, seconds: float = 1e9) -> Run:
    student = Student(small_sface())
    return Run(
        student,
        small_faces(),
        small_labels(),
        small_sface(),
        recipe,
        folder,
        checkpoint_seconds=seconds,
        compiled=False,
    )


# --- the loop -------------------------------------------------------------------------------------


class KilledError(Exception):
    """Stands for the end of the process."""


def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(tmp_path / "whole").train()
    interrupted = run(tmp_path / "parts", seconds=0)
    advance = interrupted._advance
    done = 0

    def die_after_three(batch: list[Tensor]) -> dict[str, float]:
        nonlocal done
        if done == 3:
            raise KilledError
        done += 1
        return advance(batch)

    monkeypatch.setattr(interrupted, "_advance", die_after_three)
    with pytest.raises(KilledError):
        interrupted.train()
    resumed = run(tmp_path / "parts")
    assert resumed._step == 3
    parts = resumed.train()
    assert set(parts) == set(whole)
    for name, values in whole.items():
        torch.testing.assert_close(parts[name], values, rtol=0, atol=1e-6)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    first = run(tmp_path).train()
    again = run(tmp_path).train()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    run(tmp_path).train()
    with pytest.raises(UsageError) as caught:
        run(tmp_path, replace(RECIPE, rate=1e-4))
    assert str(caught.value) == (
        f"{tmp_path}: holds a run of another recipe; give its recipe to go on, or another folder"
    )


def test_training_brings_the_student_to_its_targets(tmp_path: Path) -> None:
    mix = Mix(clean=1.0, tilt=0, zoom=0, shift=0)
    recipe = replace(RECIPE, steps=60, rate=1e-2, averaging=0.5, identity=0.0, mix=mix)
    run(tmp_path, recipe).train()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [20, 40, 60]
    assert log[-1]["cosine"] < 0.8 * log[0]["cosine"]
    assert {"contrast", "gender", "quality", "distortion", "rate"} <= set(log[0])


def test_sample_numbers_alone_decide_what_is_shown() -> None:
    faces = small_faces()
    whole = Shower(faces, RECIPE, 0, 30)
    later = Shower(faces, RECIPE, 10, 20)
    for offset in (0, 7, 19):
        (pixels, clean, *rest), (same, crop, *others) = whole[10 + offset], later[offset]
        assert torch.equal(pixels, same)
        assert torch.equal(clean, crop)
        assert rest == others
    epoch = [whole[number][2] for number in range(len(faces))]
    assert sorted(epoch) == list(range(len(faces)))
    assert epoch != [whole[number][2] for number in range(len(faces), 2 * len(faces))]


def test_faces_made_of_two_are_taught_what_the_teacher_says_of_them(tmp_path: Path) -> None:
    made = replace(RECIPE, mix=replace(RECIPE.mix, morph=0.5))
    training = run(tmp_path, made)
    shown = [Shower(small_faces(), made, 0, 12)[number] for number in range(12)]
    columns = default_collate(shown)
    batch = training._batch(columns)
    _, crops, face, other, *_ = columns
    two = other != NOBODY
    assert 0 < int(two.sum()) < 12
    labels = small_labels()
    assert torch.equal(batch.target[~two], labels.targets[face[~two]])
    assert torch.equal(batch.other[~two], face[~two])
    expected = asked(small_sface().eval(), crops[two])
    torch.testing.assert_close(batch.target[two], expected, rtol=0, atol=1e-2)
    torch.testing.assert_close(batch.clean[two], batch.target[two])
    assert torch.equal(batch.other[two], other[two])
    torch.testing.assert_close(batch.target.norm(dim=1), torch.ones(12))
    # Asking about real faces must not have changed what is known of them.
    assert torch.equal(training._labels.targets, labels.targets)


def test_the_teacher_says_the_same_of_a_crop_and_its_mirror_image() -> None:
    crops = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8)
    teacher = small_sface().eval()
    torch.testing.assert_close(asked(teacher, crops), asked(teacher, crops.flip(3)))


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    recipe = Recipe(steps=100, warmup=10, rate=1.0)
    rates = [rate_at(step, recipe) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[9] <= rates[10] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


# --- the loss -------------------------------------------------------------------------------------


def says(vectors: Tensor, heads: Tensor) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """A student that says this whatever it is shown."""
    return lambda _: (vectors, heads)


def batch_of(face: Tensor, labels: Labels, other: Tensor | None = None) -> Batch:
    count = len(face)
    return Batch(
        torch.zeros(count, 3, 8, 8),
        face,
        face if other is None else other,
        labels.targets[face],
        labels.clean[face],
        torch.arange(count),
        torch.zeros(count),
    )


def test_a_student_that_says_what_the_teacher_says_has_no_cosine_loss() -> None:
    labels = small_labels()
    face = torch.tensor([0, 3, 7])
    heads = torch.zeros(3, len(LABELS) + 3)
    batch = batch_of(face, labels)
    bank = torch.arange(12)
    right = losses(says(labels.targets[face], heads), labels, batch, RECIPE, bank)
    wrong = losses(says(labels.targets[face + 1], heads), labels, batch, RECIPE, bank)
    assert float(right["cosine"]) == pytest.approx(0, abs=1e-6)
    assert float(wrong["cosine"]) > 0.5
    assert float(wrong["contrast"]) > float(right["contrast"])
    # A person's own other photo is not contrasted with: faces 0 and 1 are one person.
    alone = losses(says(labels.targets[face], heads), labels, batch, RECIPE, torch.tensor([1]))
    kept = losses(says(labels.targets[face], heads), labels, batch, RECIPE, torch.tensor([11]))
    assert float(alone["contrast"]) < float(kept["contrast"])


def test_a_face_made_of_two_is_not_contrasted_with_either() -> None:
    labels = small_labels()
    face, heads = torch.tensor([0]), torch.zeros(1, len(LABELS) + 3)
    student = says(labels.targets[[3]], heads)
    bank = torch.tensor([6])  # the other parent's person is faces 6 and 7
    contrast = {
        other: float(
            losses(student, labels, batch_of(face, labels, torch.tensor([other])), RECIPE, bank)[
                "contrast"
            ]
        )
        for other in (0, 7)
    }
    assert contrast[7] == 0.0 < contrast[0]


def test_unknown_genders_teach_nothing() -> None:
    labels = small_labels()
    for face, teaches in ((2, False), (0, True)):
        batch = batch_of(torch.tensor([face]), labels)
        values = []
        for logit in (-2.0, 2.0):
            heads = torch.full((1, len(LABELS) + 3), logit)
            student = says(labels.targets[[0]], heads)
            terms = losses(student, labels, batch, RECIPE, torch.arange(4))
            values.append(float(terms["gender"]))
        assert (values[0] != values[1]) == teaches


def test_terms_are_weighted_by_the_recipe() -> None:
    terms = {name: torch.tensor(1.0) for name in ("cosine", "contrast", "gender", "quality")}
    terms["distortion"] = torch.tensor(1.0)
    recipe = Recipe(contrast=0.5, gender=0.25, quality=0.125, distortion=0.0625)
    assert float(weighted(terms, recipe)) == pytest.approx(1.9375)


# --- targets --------------------------------------------------------------------------------------


def test_targets_are_drawn_to_the_persons_mean() -> None:
    rows = np.eye(3, dtype=np.float32)
    identity = np.array([0, 0, 1])
    half = blend_identities(rows, identity, 0.5)
    assert half[2].tolist() == [0, 0, 1]
    mean = np.array([1, 1, 0]) / np.sqrt(2)
    expected = 0.5 * rows[0] + 0.5 * mean
    np.testing.assert_allclose(half[0], expected / np.linalg.norm(expected), atol=1e-6)
    np.testing.assert_allclose(blend_identities(rows, identity, 0.0), rows, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-6)
