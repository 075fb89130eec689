"""One gender classifier, from folders to a folder that the rest of steadyface runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from steadyface.evaluation.output import provenance, write_json
from steadyface.evaluation.table import Table
from steadyface.models.defaults import load_finder
from steadyface.models.trained import load_trained
from steadyface.pipeline import Analyzer
from steadyface.training.gender.backbones import Built, build
from steadyface.training.gender.balance import example_weights
from steadyface.training.gender.card import card
from steadyface.training.gender.care import Finding, Part, as_text, findings, refuse_leaks
from steadyface.training.gender.export import write_classifier
from steadyface.training.gender.fit import Epoch, Fit, State
from steadyface.training.gender.folders import (
    TEST,
    TRAIN,
    VAL,
    Example,
    Split,
    check_not_empty,
)
from steadyface.training.gender.frames import frames_of
from steadyface.training.gender.measure import groups_as_json, measure_all
from steadyface.training.gender.recipe import GenderRecipe
from steadyface.training.gender.report import Told, report
from steadyface.training.gender.shown import cropped
from steadyface.training.gender.sources import Images, Source, features_of, key_of
from steadyface.training.gender.team import Team, team

SCHEMA = "steadyface/train-gender/1"
_PARITY_IMAGES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be trained.

    Attributes:
        folder: the data.
        split: its parts.
        table: identities and groups.
        recipe: how.
        output: folder of the result.
        allow_leakage: whether to go on where what is measured on was trained on.
    """

    folder: Path
    split: Split
    table: Table
    recipe: GenderRecipe
    output: Path
    allow_leakage: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One part, looked at.

    Attributes:
        part: all its images.
        usable: those that have a canvas.
        canvases: of these, C x C x 3 uint8 each.
    """

    part: Part
    usable: tuple[Example, ...]
    canvases: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a training gave.

    Attributes:
        folder: with model, report and the rest.
        metrics: what `metrics.json` holds.
        left_out: images that could not be used: name and reason.
    """

    folder: Path
    metrics: dict[str, Any]
    left_out: tuple[tuple[str, str], ...]


def train_gender(
    task: Task,
    *,
    say: Callable[[str], None] = lambda _: None,
) -> Result | None:
    """Look at the images, fit, export, measure, report.

    Stopped at any moment, the same call goes on from its last checkpoint.

    Args:
        task: what is to be trained.
        say: is told what was found in the images, and how every epoch went.

    Returns:
        The result; None in processes of a team that do not lead it.

    Raises:
        DatasetLayoutError: a class has no usable image, or figures would be too good.
        UsageError: the output holds another run.
        ModelError: the backbone cannot be had, or torch and ONNX Runtime do not agree.
    """
    built = build(task.recipe)
    with team() as member:
        if member.leads:
            _look(task, built, Team())
        member.wait()
        several = _look(task, built, member)
        faces = built.framing.zoom is not None
        found = findings([one.part for one in several], task.split, task.folder, faces=faces)
        if member.leads:
            say(as_text(found))
            if task.recipe.weights == "none" and task.recipe.frozen:
                say(
                    "the backbone is frozen with random weights: expect little better than chance; "
                    "give --weights, or --unfreeze"
                )
        if not task.allow_leakage:
            refuse_leaks(found)
        check_not_empty(
            replace(task.split, train=several[0].usable, val=several[1].usable), task.folder
        )
        state = _fit(task, built, several, member, say)
        if not member.leads:
            return None
    return _finish(task, built, several, found, state)


def _look(task: Task, built: Built, member: Team) -> list[Looked]:
    finder = load_finder()
    several = []
    parts = ((TRAIN, task.split.train), (VAL, task.split.val), (TEST, task.split.test))
    for name, examples in parts:
        if examples:
            kept = task.output / "frames" / name
            frames = frames_of(examples, task.folder, finder, built.framing, kept)
            usable = tuple(e for e, s in zip(examples, frames.seen, strict=True) if s.place >= 0)
            several.append(Looked(Part(name, examples, frames.seen), usable, frames.canvases))
    return several


def _fit(
    task: Task, built: Built, several: Sequence[Looked], member: Team, say: Callable[[str], None]
) -> State:
    recipe, (train, val, *_) = task.recipe, several
    names = [e.path.relative_to(task.folder).as_posix() for e in (*train.usable, *val.usable)]
    key = key_of(*names, built.framing, task.split.by)
    sources: list[Source] = [
        Images(train.canvases, recipe, built),
        Images(val.canvases, None, built),
    ]
    module: nn.Module = built.classifier
    if recipe.frozen and recipe.copies:
        sources, module = _kept_features(task, built, sources, key, member), built.classifier.head
    weights = example_weights(train.usable, recipe, task.table)
    rates: list[dict[str, Any]] = [{"params": list(built.classifier.head.parameters())}]
    stages = [p for p in built.classifier.trunk.parameters() if p.requires_grad]
    if stages:
        rates.append({"params": stages, "lr": recipe.backbone_rate})
    fit = Fit(
        module,
        sources[0],
        sources[1],
        female=(_female(train.usable), _female(val.usable)),
        weights=weights,
        recipe=recipe,
        folder=task.output,
        key=key,
        groups=rates,
        report=lambda epoch: say(epoch_line(epoch, recipe.epochs)),
        member=member,
    )
    return fit.run()


def _kept_features(
    task: Task, built: Built, images: Sequence[Source], key: str, member: Team
) -> list[Source]:
    """Features of both parts, computed by the leader and read by the others."""
    recipe = task.recipe
    shown = (recipe.flip, recipe.jitter, recipe.shake, recipe.distort, recipe.seed)
    kept = []
    for turn in (True, False):
        if member.leads == turn:
            for name, source, ways in zip((TRAIN, VAL), images, (recipe.copies, 1), strict=True):
                assert isinstance(source, Images)
                file = task.output / "frames" / name / f"features-{key_of(key, ways, *shown)}.npy"
                kept.append(features_of(source, ways, built, file, f"{name} features"))
        member.wait()
    return list(kept)


def _female(examples: Sequence[Example]) -> NDArray[np.bool_]:
    return np.array([example.female for example in examples], dtype=np.bool_)


def epoch_line(epoch: Epoch, epochs: int) -> str:
    """How an epoch went, in a line."""
    return (
        f"epoch {epoch.number:3d}/{epochs}  "
        f"train loss {epoch.train_loss:.4f} accuracy {100 * epoch.train_accuracy:5.2f} %  "
        f"val loss {epoch.val_loss:.4f} accuracy {100 * epoch.val_accuracy:5.2f} %"
    )


def _finish(
    task: Task, built: Built, several: Sequence[Looked], found: Sequence[Finding], state: State
) -> Result:
    """Export the best epoch, measure it as users will run it, and write it all down."""
    recipe = task.recipe
    crops = np.stack([cropped(c, built.framing) for c in several[1].canvases[:_PARITY_IMAGES]])
    worst = write_classifier(built, recipe.backbone, crops, task.output)
    network = load_trained(task.output)
    analyzer = Analyzer(network=network, faces="largest", detection="require")
    last = several[-1].part
    measured = measure_all(analyzer, last.examples, recipe.seed)
    told = Told(
        network.model_id,
        recipe,
        built.trained_stages,
        {one.part.name: len(one.usable) for one in several},
        task.split.by,
        last.name,
        as_text(found),
        state,
        measured,
        task.table.columns,
        provenance(network.model_id, {}) | {"torch": torch.__version__},
    )
    metrics = metrics_of(told, found, worst)
    write_json(task.output / "metrics.json", metrics)
    write_json(task.output / "config.json", asdict(recipe))
    (task.output / "report.html").write_text(report(told), encoding="utf-8")
    (task.output / "card.md").write_text(card(told), encoding="utf-8")
    left_out = [
        (str(example.path), seen.error or "no face was found")
        for one in several
        for example, seen in zip(one.part.examples, one.part.seen, strict=True)
        if seen.place < 0
    ]
    return Result(task.output, metrics, tuple(left_out))


def metrics_of(told: Told, found: Sequence[Finding], parity: float) -> dict[str, Any]:
    """Everything measured, as JSON."""
    given = told.measured[0]
    return {
        "schema": SCHEMA,
        "model": told.model,
        "made_by": told.made_by,
        "images": dict(told.counts),
        "split": told.split,
        "measured_on": told.measured_on,
        "findings": [
            {"problem": f.problem, "count": f.count, "examples": list(f.examples), "leak": f.leak}
            for f in found
        ],
        "best_epoch": told.state.best_epoch,
        "epochs": [asdict(epoch) for epoch in told.state.history],
        "torch_and_onnx_differ_by": parity,
        "as_given": given.evaluation.summary(),
        "distorted": {m.condition: m.evaluation.summary()["overall"] for m in told.measured[1:]},
        "groups": {
            m.condition: {
                column: groups_as_json(figures)
                for column, figures in m.groups(told.columns).items()
            }
            for m in told.measured
            if told.columns
        },
    }
