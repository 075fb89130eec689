from __future__ import annotations

from pathlib import Path

import pytest

from steadyface.errors import UsageError
from steadyface.training.detector_recipe import (
    DetectorRecipe,
    FrameMix,
    default_detector_recipe,
    read_detector_recipe,
)


def written(folder: Path, text: str) -> Path:
    file = folder / "recipe.toml"
    file.write_text(text)
    return file


def test_settings_not_named_keep_their_default(tmp_path: Path) -> None:
    recipe = read_detector_recipe(
        written(tmp_path, "steps = 7\n[mix]\nempty = 0.5\nweights = { sunny = 2.0 }\n")
    )
    assert recipe == DetectorRecipe(steps=7, mix=FrameMix(empty=0.5, weights={"sunny": 2.0}))


def test_the_packaged_recipe_leans_on_the_hard_kinds() -> None:
    weights = default_detector_recipe().mix.weights
    assert min(weights["sunny"], weights["noisy"]) > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = 1", "no setting 'speed', there are steps, batch, rate, "),
        ("[mix]\ngray = 1", "no setting 'gray', there are clean, second, "),
        ("[mix.weights]\nsnowy = 1", "no distortion 'snowy', there are blurred, "),
        ("steps = 0", "steps is 0, give 1 or more"),
        ("batch = 0", "batch is 0, give 1 or more"),
        ("workers = -1", "workers is -1, give 0 or more"),
        ("[mix]\nempty = 1.5", "empty is 1.5, give 0 to 1"),
        ("[mix]\neyes = 0", "eyes is 0, give 1 or more"),
        ("steps", "cannot be read as a recipe ("),
    ],
)
def test_unfit_settings_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_detector_recipe(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_detector_recipe(tmp_path / "none.toml")
    assert str(caught.value).endswith("; give TOML")
