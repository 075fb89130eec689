"""Gender by age on UTKFace's held-back fifth, beside dlib's gender model.

    python -m benchmarks.utkface_gender --data DATA --peer-python PYTHON

Clean images, without those of which a copy was free to train on. Prints our errors as a share of
the peer's for each age group, both on the same images. Writes `results/utkface_gender.json`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.gender_figures import gender_figures, peer_figures
from benchmarks.results_file import ResultFile
from benchmarks.utkface import without_copies
from steadyface.evaluation.gender import evaluate_gender
from steadyface.evaluation.layouts import CLEAN, GenderImage
from steadyface.imaging.decode import decode
from steadyface.pipeline import Analyzer

#: Age groups: name, first and last year.
GROUPS = (("0-9", 0, 9), ("10-17", 10, 17), ("18-70", 18, 70), ("71+", 71, 200))


def main() -> None:
    """Measure every group."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path, required=True)
    arguments = parser.parse_args()
    analyzer = Analyzer(faces="central")
    result = ResultFile(
        "utkface_gender",
        "python -m benchmarks.utkface_gender --data DATA --peer-python PYTHON",
        analyzer.model_id,
        {"detection": "auto", "face": "central"},
    )
    people, copies = without_copies(arguments.data)
    result.data["copies_left_out"] = copies
    for name, first, last in GROUPS:
        row = result.section("ages").setdefault(name, {})
        if not row:
            images = [
                GenderImage(person.path, person.gender, CLEAN)
                for person in people
                if person.measured and first <= person.age <= last
            ]
            row["steadyface"] = gender_figures(
                evaluate_gender(analyzer, images).summary()["overall"]
            )
            frames = [decode(image.path) for image in images]
            labels = [image.gender for image in images]
            row["peer"] = peer_figures(arguments.peer_python, frames, labels)
            result.save()
        mine, peer = row["steadyface"], row["peer"]
        ratio = (1 - mine["accuracy"]) / (1 - peer["accuracy"])
        print(
            f"{name:<6} {mine['images']:>4} images  accuracy {100 * mine['accuracy']:.1f}  "
            f"{peer['version']} {100 * peer['accuracy']:.1f}  error ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
