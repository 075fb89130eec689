"""The main job on the bundled sample identities: enrol, distort, match, classify, report.

    python examples/demo/run.py --output demo-output

Eight of twelve identities are enrolled with two photos each; a third photo of all twelve is
distorted in every kind and matched, so four people are unknown to the gallery.
"""

from __future__ import annotations

import argparse
import base64
from dataclasses import dataclass
from pathlib import Path

import cv2
import jinja2
import numpy as np

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.evaluation.pages import style
from steadyface.gallery import open_gallery
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.pipeline import Analyzer
from steadyface.recognition import ProbeMatch, Recognizer
from steadyface.types import RGBImage

HERE = Path(__file__).resolve().parent
ENROLLED_OF = 3  # every third identity stays unknown
CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Probe:
    """One picture shown to the gallery."""

    identity: str
    gender: str
    known: bool
    kind: str
    image: RGBImage


@dataclass(frozen=True, slots=True)
class Answer:
    """A probe with what the system said of it."""

    probe: Probe
    result: ProbeMatch

    @property
    def matched_right(self) -> bool:
        """The right identity for a known person, none for an unknown one."""
        match = self.result.match
        if match is None:
            return False
        return match.identity == (self.probe.identity if self.probe.known else None)

    @property
    def gender_right(self) -> bool:
        """The gender that the sample identity was made as."""
        face = self.result.face
        return (
            face is not None
            and face.gender is not None
            and (face.gender.label == self.probe.gender)
        )

    @property
    def picture(self) -> str:
        """The probe as a data URI."""
        done, buffer = cv2.imencode(".jpg", cv2.cvtColor(self.probe.image, cv2.COLOR_RGB2BGR))
        if not done:
            raise RuntimeError("the probe could not be encoded as JPEG")
        return "data:image/jpeg;base64," + base64.b64encode(buffer.tobytes()).decode()


def load_people(folder: Path) -> dict[str, tuple[str, list[Path]]]:
    """Identity -> (gender, its photos in order); the gender is the folder above."""
    return {
        person.name: (person.parent.name, sorted(person.glob("*.jpg")))
        for person in sorted(folder.glob("*/*"))
    }


def make_probes(
    people: dict[str, tuple[str, list[Path]]], known: set[str], severity: float, seed: int
) -> list[Probe]:
    """The last photo of everyone, clean and in every kind."""
    probes = []
    for name, (gender, photos) in people.items():
        photo = decode(photos[-1])
        probes.append(Probe(name, gender, name in known, CLEAN, photo))
        for kind in KINDS:
            distorted = apply(photo, kind, severity, rng_for(seed, name, kind))
            probes.append(Probe(name, gender, name in known, kind, distorted))
    return probes


def by_kind(answers: list[Answer]) -> list[dict[str, str]]:
    """One row a kind, and one of all: how many were matched and classified rightly."""
    kinds = (CLEAN, *KINDS)
    rows = [_row(kind, [a for a in answers if a.probe.kind == kind]) for kind in kinds]
    return [*rows, _row("all", answers)]


def _row(name: str, answers: list[Answer]) -> dict[str, str]:
    known = [answer for answer in answers if answer.probe.known]
    unknown = [answer for answer in answers if not answer.probe.known]
    return {
        "kind": name,
        "known": f"{sum(a.matched_right for a in known)} of {len(known)}",
        "unknown": f"{sum(a.matched_right for a in unknown)} of {len(unknown)}",
        "gender": f"{sum(a.gender_right for a in answers)} of {len(answers)}",
    }


def write_report(
    file: Path,
    answers: list[Answer],
    enrolled: dict[str, int],
    rule: DecisionRule,
    *,
    severity: float,
    model_id: str,
) -> None:
    """Write one self-contained HTML page; `enrolled` counts the references of each identity."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    names = sorted({answer.probe.identity for answer in answers})
    page = environment.get_template("report.html.j2").render(
        style=style(),
        answers=answers,
        people=[[a for a in answers if a.probe.identity == name] for name in names],
        table=by_kind(answers),
        total=by_kind(answers)[-1],
        enrolled=enrolled,
        model_id=model_id,
        rule=rule,
        severity=severity,
    )
    file.write_text(page, encoding="utf-8")


def main() -> None:
    """Run the demo and print where its report is."""
    parser = argparse.ArgumentParser(description="Match distorted photos of sample identities.")
    parser.add_argument("--identities", type=Path, default=HERE / "identities")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--severity", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    database = arguments.output / "steadyface-demo.db"
    for file in arguments.output.glob("steadyface-demo.db*"):
        file.unlink()

    people = load_people(arguments.identities)
    known = {name for index, name in enumerate(people) if index % ENROLLED_OF != ENROLLED_OF - 1}
    analyzer = Analyzer()
    rule = rule_for(analyzer.model_id)
    with open_gallery(database, model_id=analyzer.model_id, mode="create") as gallery:
        recognizer = Recognizer(gallery, analyzer=analyzer, rule=rule)
        enrolled = {
            name: recognizer.enroll(name, people[name][1][:-1]).enrolled for name in sorted(known)
        }
        probes = make_probes(people, known, arguments.severity, arguments.seed)
        results = recognizer.match_many(np.asarray(probe.image) for probe in probes)
        answers = [Answer(p, r) for p, r in zip(probes, results, strict=True)]

    report = arguments.output / "report.html"
    write_report(
        report,
        answers,
        enrolled,
        rule,
        severity=arguments.severity,
        model_id=analyzer.model_id,
    )
    print(f"{len(known)} people enrolled, {len(probes)} photos of {len(people)} people matched")
    for row in by_kind(answers):
        print(
            f"  {row['kind']!s:<9} known found: {row['known']!s:<8} unknown kept out: "
            f"{row['unknown']!s:<7} gender right: {row['gender']}"
        )
    print(f"report: {report.resolve()}")


if __name__ == "__main__":
    main()
