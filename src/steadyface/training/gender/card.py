"""The model card of a classifier that a user trained."""

from __future__ import annotations

from datetime import UTC, datetime

from steadyface.training.gender.recipe import OWN_BACKBONE
from steadyface.training.gender.report import Told

_OWN = (
    "steadyface's face network, which was trained on CelebA, UTKFace and LFW (research use); its "
    "card says more"
)


def card(told: Told) -> str:
    """Markdown."""
    given = told.measured[0].evaluation.summary()["overall"]
    recipe = told.recipe
    weights = {
        "none": "random weights",
        "default": "torchvision's pretrained weights (ImageNet, research use)",
    }.get(recipe.weights, "weights from a file of the user's")
    backbone = _OWN if recipe.backbone == OWN_BACKBONE else f"{recipe.backbone}, {weights}"
    recall = {name: figures["recall"] for name, figures in given["classes"].items()}
    parts = ", ".join(told.stages) + " and " if told.stages else ""
    how = f"{told.counts['train']} to train, {told.counts['val']} to choose the epoch"
    also = ", which also chose the epoch" if told.measured_on == "val" else ""
    return f"""# {told.model}

Gender classifier, made by `steadyface train gender` on {datetime.now(UTC).date().isoformat()}.

| | |
| --- | --- |
| backbone | {backbone} |
| trained | {parts}a new fully connected layer |
| images | {how}, split by {told.split} |
| seed | {recipe.seed} |
| measured on | {given["images"]} images of `{told.measured_on}`{also} |
| accuracy | {100 * given["accuracy"]:.1f} % |
| recall | women {_percent(recall["female"])}, men {_percent(recall["male"])} |

`metrics.json` and `report.html` have figures by distortion and by group.

## Limits

- A binary guess from looks, learnt from labels. It says nothing of how a person identifies.
- It knows faces like those it was trained on; measure it on yours, by group, before you rely on
  it.
- Sorting people by biometrics is restricted by law in many places; in the EU see GDPR Article 9
  and the AI Act.
"""


def _percent(share: float | None) -> str:
    return "not measured" if share is None else f"{100 * share:.1f} %"
