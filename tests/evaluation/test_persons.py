from __future__ import annotations

from pathlib import Path

import pytest

from steadyface.evaluation.layouts import GenderImage
from steadyface.evaluation.persons import person_below, person_labelled

ROOT = Path("data")


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("a.jpg", "a.jpg"),
        ("Ann/a.jpg", "Ann"),
        ("Ann/distortion/a_noisy.jpg", "Ann"),
        ("set/Ann/a.jpg", "set/Ann"),
        ("distortion/a.jpg", "distortion/a.jpg"),
    ],
)
def test_a_folder_is_a_person_and_an_image_beside_others_is_one(path: str, person: str) -> None:
    assert person_below(ROOT / path, ROOT) == person


@pytest.mark.parametrize(
    ("path", "person"),
    [
        ("female/a.jpg", "female/a.jpg"),
        ("female/Ann/a.jpg", "female/Ann"),
        ("a.jpg", "female/a.jpg"),  # a folder without genders, labelled elsewhere
    ],
)
def test_people_are_looked_for_below_their_gender(path: str, person: str) -> None:
    assert person_labelled(GenderImage(ROOT / path, "female", "clean"), ROOT) == person
