"""What the student's answer on a distorted frame costs, given the teacher's on the clean one.

The teacher's answers are dense: every cell of every stride is a target, so the scores keep the
meaning that they have in the base detector. Boxes and points count only where the teacher sees a
face, by its score, and in proportion to the face's size. Cells that see the main face are taught
the points on which the teacher agrees with itself over many views, not those of this one look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from steadyface.models.yunet import STRIDES
from steadyface.training.detector_recipe import DetectorRecipe
from steadyface.training.yunet_torch import HEADS, LOGITS

POINTS = HEADS["kps"]
#: Teacher score from which a cell's box and points are taught.
TAUGHT_SCORE = 0.2
#: Share of the full weight that a cell's class has where there is no face.
_QUIET = 0.05
#: Logit of a cell that sees no face.
_NO_FACE = -12.0
#: A cell sees the main face if the middle of its points is this near, in distances of the eyes.
_SAME = 0.5


def detector_losses(
    student: Sequence[Tensor], teacher: Sequence[Tensor], points: Tensor
) -> dict[str, Tensor]:
    """The terms of the loss, unweighted, a face cell.

    Args:
        student: the maps that `YuNet` gives, one a stride.
        teacher: the same, without gradients.
        points: N x 5 x 2, the main faces' points in pixels; NaN where there is none.

    Returns:
        `face` (cross-entropy beyond the teacher's own entropy), `box` and `points`.
    """
    sums = {"face": torch.zeros(()), "box": torch.zeros(()), "points": torch.zeros(())}
    seen = torch.zeros(())
    for stride, said, right in zip(STRIDES, student, teacher, strict=True):
        cells = said.float().permute(0, 2, 3, 1).flatten(0, 2)
        truth = _agreed(right.float().permute(0, 2, 3, 1), points / stride).flatten(0, 2)
        cls, obj = torch.sigmoid(truth[:, 0]), torch.sigmoid(truth[:, 1])
        score = torch.sqrt(cls * obj)
        face = _divergence(cells[:, 1], obj) + (obj + _QUIET) * _divergence(cells[:, 0], cls)
        sums["face"] = sums["face"] + face.sum()
        chosen = score >= TAUGHT_SCORE
        weight = score[chosen]
        box, away = _regression(cells[chosen], truth[chosen])
        sums["box"] = sums["box"] + (weight * box).sum()
        sums["points"] = sums["points"] + (weight * away).sum()
        seen = seen + weight.sum()
    return {name: value / seen.clamp(min=1.0) for name, value in sums.items()}


def silenced(maps: Tensor, empty: Tensor) -> Tensor:
    """The teacher's maps with no face in frames that hold none, whatever it sees there.

    Args:
        maps: N x channels x H x W of one stride.
        empty: N bool.
    """
    quiet = maps.clone()
    quiet[empty, : len(LOGITS)] = _NO_FACE
    return quiet


def weighted_terms(terms: Mapping[str, Tensor], recipe: DetectorRecipe) -> Tensor:
    """The loss."""
    return recipe.face * terms["face"] + recipe.box * terms["box"] + recipe.points * terms["points"]


def _agreed(right: Tensor, points: Tensor) -> Tensor:
    """The teacher's N x H x W x channels with the main face's points, in strides, put in."""
    count, height, width, _ = right.shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    corners = torch.stack([columns, rows], 2)[None, :, :, None].to(right.dtype)
    there = points[:, None, None] - corners
    seen = right[..., -POINTS:].reshape(count, height, width, -1, 2)
    apart = (seen.mean(3) - there.mean(3)).norm(dim=3)
    eyes = (points[:, 0] - points[:, 1]).norm(dim=1)[:, None, None]
    same = (apart < _SAME * eyes)[..., None]
    return torch.cat(
        [right[..., :-POINTS], torch.where(same, there.flatten(3), right[..., -POINTS:])], 3
    )


def _divergence(logit: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy less the target's entropy: nothing where both say the same."""
    entropy = F.binary_cross_entropy(target, target, reduction="none")
    return F.binary_cross_entropy_with_logits(logit, target, reduction="none") - entropy


def _regression(said: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Errors a cell: of the box against its size, of the points against the eyes' distance."""
    size = torch.exp(right[:, 4:6].mean(1, keepdim=True))
    centre = (said[:, 2:4] - right[:, 2:4]).abs() / size
    extent = (said[:, 4:6] - right[:, 4:6]).abs()
    points, truth = (maps[:, 6:].reshape(-1, 5, 2) for maps in (said, right))
    eyes = (truth[:, 0] - truth[:, 1]).norm(dim=1).clamp(min=0.25)
    away = torch.sqrt(((points - truth) ** 2).sum(2) + 1e-8).mean(1)
    return (centre + extent).mean(1), away / eyes
