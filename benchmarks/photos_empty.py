"""Frames without people: what is taken for a face, enrolled, or matched to somebody.

DATA/scenes has 203 photographs in which there is no face; frames in which the base detector sees
one above 0.5 were left out of it, so its own false alarms look rarer here than they are. Other
folders, of which only detections are counted, can be named beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.photos_systems import DEFAULTS, conditions, in_chunks, opencv_detector, shown
from benchmarks.results_file import ResultFile
from steadyface import Recognizer, open_gallery
from steadyface.evaluation.layouts import read_pairs
from steadyface.imaging.decode import decode
from steadyface.imaging.files import list_images
from steadyface.matching.calibration import rule_for
from steadyface.pipeline import Analyzer
from steadyface.recognition import Person
from steadyface.searching import GallerySearch
from steadyface.types import RGBImage

SECTION = "empty"
ENROLLED = 100


def run(result: ResultFile, data: Path, one_in: int, others: Mapping[str, Path]) -> None:
    """Measure every set and condition that is not in the result file yet."""
    everybody = Analyzer(faces="all")
    with TemporaryDirectory() as folder:
        gallery = open_gallery(
            Path(folder) / "people.db", model_id=everybody.model_id, mode="create"
        )
        sets = {"scenes": data / "scenes", **others}
        index = None
        for name, place in sets.items():
            files = list_images(place)[::one_in]
            section = result.section(SECTION).setdefault(name, {"frames": len(files)})
            for condition in conditions(3):
                if condition in section:
                    continue
                if index is None:
                    _enrol(gallery, data)
                    index = GallerySearch(gallery).index()
                section[condition] = figures(everybody, index, files, condition)
                result.save()
                print(f"{name} {condition:<12} {line(section[condition])}", flush=True)


def _enrol(gallery: Any, data: Path) -> None:
    """One image each of a hundred people of LFW's pairs."""
    pairs = read_pairs(data / "lfw" / "pairs.txt")
    first: dict[str, str] = {}
    for pair in pairs:
        first.setdefault(pair.first.split("/")[0], pair.first)
    people = [
        Person(name, [data / "lfw" / "images" / first[name]]) for name in sorted(first)[:ENROLLED]
    ]
    Recognizer(gallery, analyzer=Analyzer()).enroll_many(people)


def figures(
    everybody: Analyzer, index: Any, files: Sequence[Path], condition: str
) -> dict[str, dict[str, float]]:
    """Detections a frame, and shares of frames that are accepted, and that match somebody.

    What `require` accepts is what `auto` calls found or rescued, and what would be enrolled: a
    frame with a detection. A frame matches if any face of it does, or the middle that `auto` takes
    where there is none.
    """
    rule = rule_for(everybody.model_id)
    found = accepted = matched = peer_found = peer_accepted = 0

    def load(file: Path) -> RGBImage:
        return shown(decode(file), condition, file.name)

    for frames in in_chunks(files, load):
        for answer in everybody.analyze_many(frames, name=lambda _: "frame"):
            located = [face for face in answer.faces if face.located]
            found += len(located)
            accepted += bool(located)
            matched += any(
                index.match(
                    face.embedding, rule, top=1, located=face.located, quality=face.quality
                ).label
                for face in answer.faces
            )
        for frame in frames:
            seen = len(opencv_detector().find(frame))
            peer_found += seen
            peer_accepted += bool(seen)
    count = len(files)
    return {
        DEFAULTS: {
            "faces_a_frame": found / count,
            "accepted": accepted / count,
            "matched": matched / count,
        },
        "opencv": {"faces_a_frame": peer_found / count, "accepted": peer_accepted / count},
    }


def line(row: Mapping[str, Mapping[str, float]]) -> str:
    """One condition in words."""
    ours, peer = row[DEFAULTS], row["opencv"]
    ratio = f"{ours['faces_a_frame'] / peer['faces_a_frame']:.2f}" if peer["faces_a_frame"] else "-"
    return (
        f"faces a frame {ours['faces_a_frame']:.3f} (OpenCV {peer['faces_a_frame']:.3f}, ratio "
        f"{ratio}), accepted {ours['accepted']:.3f}, matched {ours['matched']:.3f}"
    )
