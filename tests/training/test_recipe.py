from __future__ import annotations

from pathlib import Path

import pytest

from steadyface.errors import UsageError
from steadyface.training.recipe import Mix, Recipe, read_recipe
from steadyface.training.train_embedder import default_recipe


def test_a_recipe_names_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text("steps = 7\n[mix]\nclean = 0.5\nweights = { sunny = 2.0 }\n")
    assert read_recipe(file) == Recipe(steps=7, mix=Mix(clean=0.5, weights={"sunny": 2.0}))


def test_the_packaged_recipe_is_read() -> None:
    recipe = default_recipe()
    assert recipe.steps >= 1000
    assert recipe.mix.weights["sunny"] > 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step = 7", "no setting 'step', there are steps, batch, "),
        ("[mix]\nclear = 1", "no setting 'clear', there are clean, second, "),
        ("[mix.weights]\nsnowy = 1", "no distortion 'snowy', there are blurred, foggy, "),
        ("steps = 0", "give steps of 1 or more"),
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
