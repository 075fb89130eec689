"""Everything that decides a detector run beside its data, read from one TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from steadyface.training.settings import recipe_as


@dataclass(frozen=True, slots=True)
class FrameMix:
    """How often the student is shown what.

    Attributes:
        clean: share of frames shown clean.
        second: share of the distorted ones that get a second distortion (both then milder).
        weights: kind -> how often relative to the others; 1 where not named.
        extra: share that also gets a distortion outside the seven families.
        empty: share of frames whose face is wiped away first.
        eyes: middle of the distances of the eyes, in pixels.
        spread: standard deviation of the logarithm of that distance.
        tilt: standard deviation of the frame's rotation in degrees.
        photos: share of frames that are windows of photographs with any number of faces, taught by
            the teacher's view of the clean window alone; 0 where the run has no photographs.
        backgrounds: share of frames that are windows of photographs without people, or made
            textures, in which no face is to be seen; 0 where the run has none.
        textures: share of these that are made textures.
    """

    clean: float = 0.15
    second: float = 0.25
    weights: Mapping[str, float] = field(default_factory=dict)
    extra: float = 0.08
    empty: float = 0.1
    eyes: float = 38.0
    spread: float = 0.45
    tilt: float = 6.0
    photos: float = 0.0
    backgrounds: float = 0.0
    textures: float = 0.2


@dataclass(frozen=True, slots=True)
class DetectorRecipe:
    """How a run goes.

    Attributes:
        steps: optimiser steps.
        batch: frames a step.
        rate: peak learning rate of AdamW, reached after `warmup` steps, then a half cosine to 0.
        warmup: steps.
        decay: weight decay.
        face: weight of the terms that say whether a cell sees a face.
        box: weight of the boxes' term.
        points: weight of the points' term.
        averaging: decay of the running average of weights that is exported.
        seed: of everything random.
        workers: processes that make frames; 0 makes them in the training process.
        mix: what the student is shown.
    """

    steps: int = 4500
    batch: int = 32
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.0
    face: float = 1.0
    box: float = 1.0
    points: float = 4.0
    averaging: float = 0.995
    seed: int = 0
    workers: int = 1
    mix: FrameMix = field(default_factory=FrameMix)


def default_detector_recipe() -> DetectorRecipe:
    """The packaged recipe."""
    with resources.as_file(resources.files("steadyface.training") / "detector.toml") as file:
        return read_detector_recipe(file)


def read_detector_recipe(file: Path) -> DetectorRecipe:
    """Read a recipe; what it does not name keeps its default.

    Raises:
        UsageError: the file cannot be read, or holds an unknown or unfit setting.
    """
    return recipe_as(DetectorRecipe, FrameMix, file, least_batch=1)
