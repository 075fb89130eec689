"""Everything that decides an embedder run beside its data, read from one TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steadyface.training.settings import recipe_as


@dataclass(frozen=True, slots=True)
class Mix:
    """How often the student is shown what.

    Attributes:
        clean: share of faces shown clean.
        second: share of the distorted ones that get a second distortion (both then milder).
        weights: kind -> how often relative to the others; 1 where not named.
        extra: share that also gets a distortion outside the seven families.
        morph: share of faces that are first made one with another into a person who does not
            exist, whom the teacher is then asked about.
        blown: share of the sunny ones that are over-exposed in another way than the suite's.
        tilt, zoom, shift: standard deviations of the alignment jitter: degrees, share, pixels of
            the 112-pixel crop.
        wild: share of faces with twice that jitter.
    """

    clean: float = 0.15
    second: float = 0.3
    weights: Mapping[str, float] = field(default_factory=dict)
    extra: float = 0.08
    blown: float = 0.0
    morph: float = 0.0
    tilt: float = 3.0
    zoom: float = 0.04
    shift: float = 2.0
    wild: float = 0.15


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run goes.

    Attributes:
        steps: optimiser steps.
        batch: faces a step.
        rate: peak learning rate of AdamW, reached after `warmup` steps, then a half cosine to 0.
        warmup: steps.
        decay: weight decay.
        contrast: weight of the contrastive term.
        temperature: of the contrastive term.
        bank: how many other teacher embeddings it contrasts with.
        identity: how far a target is drawn to the mean of the person's photos, 0..1.
        gender, quality, distortion: weights of the heads' losses.
        head_rate: how many times the learning rate the heads get, which start from nothing.
        averaging: decay of the running average of weights that is exported.
        seed: of everything random.
        workers: processes that make crops; 0 makes them in the training process.
        mix: what the student is shown.
    """

    steps: int = 3000
    batch: int = 64
    rate: float = 3e-4
    warmup: int = 100
    decay: float = 0.01
    contrast: float = 0.1
    temperature: float = 0.07
    bank: int = 1024
    identity: float = 0.3
    gender: float = 0.15
    quality: float = 0.1
    distortion: float = 0.05
    head_rate: float = 4.0
    averaging: float = 0.998
    seed: int = 0
    workers: int = 1
    mix: Mix = field(default_factory=Mix)


def read_recipe(file: Path) -> Recipe:
    """Read a recipe; what it does not name keeps its default.

    Raises:
        UsageError: the file cannot be read, or holds an unknown or unfit setting.
    """
    # The contrastive term needs another face beside each.
    return recipe_as(Recipe, Mix, file, least_batch=2)
