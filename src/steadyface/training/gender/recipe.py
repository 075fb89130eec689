"""Everything that decides how a gender classifier is trained beside its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steadyface.errors import UsageError
from steadyface.training.settings import read_settings, settings_as

#: The backbone that is this project's own face network.
OWN_BACKBONE = "steadyface"
Balance = Literal["none", "loss", "sampling"]
Crop = Literal["face", "whole"]


@dataclass(frozen=True, slots=True)
class GenderRecipe:
    """How a classifier is trained.

    Attributes:
        backbone: `steadyface` or the name of a torchvision classification network.
        weights: what a torchvision network starts from: `default` its best pretrained weights,
            `none` random ones, else a file of a state dict.
        crop: `face` shows aligned faces, `whole` the middle square of the image as it is.
        epochs: passes over the training images.
        batch: images a step, over all processes.
        rate: learning rate of the head (Adam).
        unfreeze: how many of the backbone's last stages are trained too; 0 trains the head alone.
        backbone_rate: learning rate of those.
        flip: whether images are mirrored at random.
        jitter: how far brightness, contrast and saturation are changed at random, 0..1.
        shake: how far a face crop is turned, scaled and shifted at random: a share of what the
            embedder's training does.
        distort: share of images, 0..1, shown with one of the project's distortions.
        copies: in how many fixed ways each image is shown over the whole training, so that a
            frozen backbone sees each once; 0 shows it anew every time.
        balance: what evens out classes (and groups): `loss` weighs, `sampling` draws.
        balance_group: column of groups that is evened out together with the classes; empty: none.
        smoothing: label smoothing, 0..1.
        patience: epochs without a better one after which training ends; 0 never.
        mixed: whether the network runs in bfloat16 where that is safe.
        seed: of everything random.
        workers: processes that make images; 0 makes them in the training process.
    """

    backbone: str = OWN_BACKBONE
    weights: str = "default"
    crop: Crop = "face"
    epochs: int = 30
    batch: int = 64
    rate: float = 1e-3
    unfreeze: int = 0
    backbone_rate: float = 1e-5
    flip: bool = True
    jitter: float = 0.2
    shake: float = 1.0
    distort: float = 0.0
    copies: int = 4
    balance: Balance = "none"
    balance_group: str = ""
    smoothing: float = 0.0
    patience: int = 0
    mixed: bool = False
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "epochs": (1, None),
            "batch": (1, None),
            "rate": (0, None),
            "unfreeze": (0, None),
            "backbone_rate": (0, None),
            "jitter": (0, 1),
            "shake": (0, None),
            "distort": (0, 1),
            "copies": (0, None),
            "smoothing": (0, 1),
            "patience": (0, None),
            "workers": (0, None),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value < low or (high is not None and value > high):
                span = f"{low} or more" if high is None else f"{low} to {high}"
                raise UsageError(f"{name} is {value}: give {span}")
        for name, choices in (
            ("crop", ("face", "whole")),
            ("balance", ("none", "loss", "sampling")),
        ):
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} is {getattr(self, name)!r}: give {' or '.join(choices)}")
        if self.backbone == OWN_BACKBONE and self.crop == "whole":
            raise UsageError(f"backbone {OWN_BACKBONE} is shown aligned faces: crop has to be face")
        if self.balance_group and self.balance == "none":
            raise UsageError("balance_group evens nothing out while balance is none")

    @property
    def frozen(self) -> bool:
        """Whether the backbone stays as it is."""
        return self.unfreeze == 0


def default_recipe(backbone: str) -> GenderRecipe:
    """Sound settings for a backbone.

    For a torchvision network they are the usual transfer-learning recipe: the pretrained network
    frozen but for a new fully connected head, whole images, flips and colour jitter, Adam at 1e-3.
    """
    if backbone == OWN_BACKBONE:
        return GenderRecipe()
    return GenderRecipe(backbone=backbone, crop="whole", epochs=10, batch=32, copies=0, shake=0.0)


def read_gender_recipe(file: Path) -> GenderRecipe:
    """Read a recipe from TOML; what it does not name keeps its backbone's default.

    Raises:
        UsageError: the file cannot be read, or holds an unknown or unfit setting.
    """
    values = read_settings(file)
    base = default_recipe(str(values.get("backbone", OWN_BACKBONE)))
    merged = {name: getattr(base, name) for name in GenderRecipe.__dataclass_fields__} | values
    try:
        return settings_as(GenderRecipe, merged, file)
    except UsageError as error:
        text = str(error)
        raise UsageError(text if text.startswith(str(file)) else f"{file}: {text}") from error
