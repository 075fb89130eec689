"""Classifiers trained with `steadyface train gender`, beside dlib's gender model.

    python -m benchmarks.train_gender --data DATA --peer-python PYTHON

Two data sets: facecom_lfw's Task A (trained on its `train`, measured on its `val`) and UTKFace's
adults of 18 to 70 (trained on four fifths, measured on the fifth held back, no picture twice). The
epoch is chosen on a part of what is trained on, so that nothing of what is measured has a say. Each
is trained without and with distorted images. Prints our errors as a share of the peer's on the same
images. Writes `results/train_gender.json`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gender_figures import gender_figures, peer_figures
from benchmarks.results_file import ResultFile
from benchmarks.utkface import without_copies
from steadyface.evaluation.layouts import GENDERS
from steadyface.evaluation.table import Table, read_table
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.models.catalog import load_catalog
from steadyface.training.gender.folders import read_split
from steadyface.training.gender.recipe import default_recipe
from steadyface.training.gender.train import Result, Task, train_gender

SHARES = (0.0, 0.5)
#: Share of what is trained on that chooses the epoch.
VAL_FRACTION = 0.15
FIRST_AGE, LAST_AGE = 18, 70


def main() -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path, required=True)
    arguments = parser.parse_args()
    result = ResultFile(
        "train_gender",
        "python -m benchmarks.train_gender --data DATA --peer-python PYTHON",
        load_catalog().default("face-network").id,
        {"backbone": "steadyface", "val_fraction": VAL_FRACTION},
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, lay_out in (("task_a", task_a), ("utkface_18_70", utkface)):
            root = Path(folder) / name
            table = lay_out(arguments.data, root)
            for share in SHARES:
                row = result.section(name).setdefault(f"distort {share:g}", {})
                if not row:
                    row |= trained(root, table, share)
                    result.save()
            peer = result.section(name).setdefault("peer", {})
            if not peer:
                images = [(p, g) for g in GENDERS for p in list_images(root / "test" / g)]
                frames, labels = [decode(p) for p, _ in images], [g for _, g in images]
                peer |= peer_figures(arguments.peer_python, frames, labels)
                result.save()
            show(name, result.section(name))


def trained(root: Path, table: Table, share: float) -> dict[str, Any]:
    """One training's figures."""
    recipe = replace(default_recipe("steadyface"), distort=share)
    split = read_split(root, table, val_fraction=VAL_FRACTION, seed=recipe.seed)
    start = time.monotonic()
    result = train_gender(Task(root, split, table, recipe, root / f"run-{share:g}"), say=print)
    assert isinstance(result, Result)
    metrics = result.metrics
    given = metrics["as_given"]
    return {
        "minutes": round((time.monotonic() - start) / 60, 1),
        "images": metrics["images"],
        "findings": [{k: f[k] for k in ("problem", "count")} for f in metrics["findings"]],
        "best_epoch": metrics["best_epoch"],
        "as_given": gender_figures(given["overall"]),
        "as_given_by_kind": {kind: gender_figures(f) for kind, f in given["by_kind"].items()},
        "distorted": {kind: gender_figures(f) for kind, f in metrics["distorted"].items()},
        "groups": metrics["groups"].get("as given", {}),
    }


def task_a(data: Path, root: Path) -> Table:
    """Task A, with its val folder as test."""
    source = data / "facecom_lfw" / "Task_A"
    for part, name in (("train", "train"), ("val", "test")):
        for gender in GENDERS:
            link([*list_images(source / part / gender)], root / name / gender)
    return Table()


def utkface(data: Path, root: Path) -> Table:
    """UTKFace's adults, the held-back fifth as test."""
    for person in without_copies(data)[0]:
        if FIRST_AGE <= person.age <= LAST_AGE:
            part = "test" if person.measured else "train"
            link([person.path], root / part / person.gender)
    return read_table(data / "utkface" / "labels.csv", groups=["race"])


def link(files: Sequence[Path], folder: Path) -> None:
    """Put files into a folder without copying them."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())


def show(name: str, rows: dict[str, Any]) -> None:
    """A line a training."""
    peer = rows["peer"]
    for label, row in rows.items():
        if label == "peer":
            continue
        mine = row["as_given"]
        gap = row["groups"].get("race and gender", {}).get("gap")
        ratio = (1 - mine["accuracy"]) / (1 - peer["accuracy"])
        kinds = [figures["accuracy"] for figures in row["distorted"].values()]
        print(
            f"{name} {label}: accuracy {100 * mine['accuracy']:.1f}, distorted "
            f"{100 * sum(kinds) / len(kinds):.1f}, in {row['minutes']} minutes, "
            f"{peer['version']} {100 * peer['accuracy']:.1f}, error ratio {ratio:.2f}"
            + ("" if gap is None else f", gap of race and gender {100 * gap:.1f} points")
        )


if __name__ == "__main__":
    main()
