from __future__ import annotations

from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from steadyface.distortions import KINDS
from steadyface.errors import UsageError
from steadyface.training.detector_recipe import DetectorRecipe, FrameMix
from steadyface.training.recipe import Mix, Recipe, read_recipe
from steadyface.training.settings import RANGES
from steadyface.training.train_embedder import default_recipe


def test_a_recipe_names_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("steps = 7\n[mix]\nclean = 0.5\nweights = { sunny = 2.0 }\n")
    assert read_recipe(file) == Recipe(steps=7, mix=Mix(clean=0.5, weights={"sunny": 2.0}))


def test_the_packaged_recipe_is_read() -> None:
    recipe = default_recipe()
    assert recipe.steps >= 1000
    assert recipe.mix.weights["sunny"] > 1


NOTHING = "[mix.weights]\n" + "\n".join(f"{kind} = 0" for kind in KINDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step = 7", "no setting 'step', there are steps, batch, "),
        ("[mix]\nclear = 1", "no setting 'clear', there are clean, second, "),
        ("[mix.weights]\nsnowy = 1", "no distortion 'snowy', there are blurred, foggy, "),
        ("steps = 0", "steps is 0, give 1 or more"),
        ("batch = 1", "batch is 1, give 2 or more"),
        ("steps = 'ten'", "steps is 'ten', give a whole number"),
        ("steps = 1.5", "steps is 1.5, give a whole number"),
        ("steps = true", "steps is True, give a whole number"),
        ("rate = '3e-4'", "rate is '3e-4', give a number"),
        ("rate = 0", "rate is 0, give 1e-12 or more"),
        ("rate = nan", "rate is nan, give 1e-12 or more"),
        ("averaging = 1", "averaging is 1, give 0 to 1"),
        ("identity = -0.1", "identity is -0.1, give 0 to 1"),
        ("mix = 3", "mix is 3, give a table of settings"),
        ("[mix]\nclean = 2", "clean is 2, give 0 to 1"),
        ("[mix]\nweights = 3", "weights is 3, give a table of kinds and numbers"),
        ("[mix.weights]\nsunny = 'much'", "the weight of sunny is 'much', give a number"),
        ("[mix.weights]\nsunny = -1", "the weight of sunny is -1, give 0 or more"),
        (NOTHING, "all weights are 0, give one kind more"),
        ("steps = = 1", "cannot be read as a recipe ("),
    ],
)
def test_a_wrong_recipe_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "r.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recipe(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: cannot be read as a recipe"):
        read_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize("name", sorted(RANGES))
def test_every_range_is_that_of_a_setting(name: str) -> None:
    known = {f.name for kind in (Recipe, Mix, DetectorRecipe, FrameMix) for f in fields(kind)}
    assert name in known


def test_the_second_runs_recipe_is_read() -> None:
    with resources.as_file(resources.files("steadyface.training")) as folder:
        recipe = read_recipe(folder / "embedder_further.toml")
    assert recipe.seed != default_recipe().seed
    assert recipe.mix.blown > 0
