from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from steadyface.errors import UsageError
from steadyface.training.gender.recipe import GenderRecipe, default_recipe, read_gender_recipe


def test_torchvision_networks_get_the_usual_transfer_recipe() -> None:
    recipe = default_recipe("resnet50")
    assert (recipe.crop, recipe.unfreeze, recipe.weights) == ("whole", 0, "default")
    assert (recipe.flip, recipe.jitter > 0, recipe.rate, recipe.copies) == (True, True, 1e-3, 0)
    assert recipe.frozen
    assert not replace(recipe, unfreeze=1).frozen
    assert default_recipe("steadyface").crop == "face"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0: give 1 or more"),
        ({"distort": 1.5}, "distort is 1.5: give 0 to 1"),
        ({"crop": "half"}, "crop is 'half': give face or whole"),
        ({"balance": "both"}, "balance is 'both': give none or loss or sampling"),
        ({"crop": "whole"}, "backbone steadyface is shown aligned faces: crop has to be face"),
        ({"balance_group": "age"}, "balance_group evens nothing out while balance is none"),
    ],
)
def test_unfit_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        GenderRecipe(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_recipe_is_read_over_its_backbones_defaults(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('backbone = "resnet18"\nepochs = 3\ndistort = 0.5\n')
    wanted = replace(default_recipe("resnet18"), epochs=3, distort=0.5)
    assert read_gender_recipe(file) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "{}: no setting 'epoch', there are backbone, weights, crop"),
        ("epochs = 0", "{}: epochs is 0: give 1 or more"),
        ("epochs = 'many'", "{}: epochs is 'many', give a whole number"),
        ("epochs =", "{}: cannot be read as a recipe"),
    ],
)
def test_an_unfit_recipe_names_its_file(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_gender_recipe(file)
    assert str(caught.value).startswith(message.format(file))
