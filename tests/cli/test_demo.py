"""The demo, as `make demo` runs it, against the same figures reckoned another way."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser
from tests.browser import require_sound

from steadyface.distortions import KINDS, apply, rng_for
from steadyface.imaging.decode import decode
from steadyface.matching.calibration import DecisionRule, rule_for
from steadyface.models.catalog import load_catalog
from steadyface.pipeline import Analyzer
from steadyface.types import Face

pytestmark = [pytest.mark.models, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r"  (\w+) +known found: (\d+) of (\d+) +unknown kept out: (\d+) of (\d+) +"
    r"gender right: (\d+) of (\d+)"
)


class Page(HTMLParser):
    """What a page refers to, its pictures, its table and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.cells: list[str] = []
        self.headings: list[str] = []
        self.crossed = 0
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [str(found[key]) for key in ("href", "src", "srcset") if key in found]
        if tag == "img":
            # A figure's frame is the last thing opened before its picture.
            self.pictures.append((str(found["alt"]), self._open[-1]))
        self.crossed += found.get("class") == "no"
        self._open.append(str(found.get("class", tag)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "td" and data.strip():
            self.cells.append(data.strip())
        if self.tags and self.tags[-1] in ("h2", "small") and data.strip():
            self.headings.append(data.strip())


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "output"


@pytest.fixture(scope="module")
def printed(output: Path) -> list[str]:
    """What the demo prints, run twice, since it has to cope with what is left of the last run."""
    command = [sys.executable, str(ROOT / "examples" / "demo" / "run.py"), "--output", str(output)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr == ""
    return second.stdout.splitlines()


@pytest.fixture(scope="module")
def page(output: Path, printed: list[str]) -> Page:
    assert printed
    return Page((output / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows(printed: list[str]) -> dict[str, list[int]]:
    """The printed table: kind -> its six numbers."""
    found = [ROW.fullmatch(line) for line in printed[1:-1]]
    assert all(found), printed
    return {m[1]: [int(number) for number in m.groups()[1:]] for m in found if m}


def test_the_table_has_a_row_a_kind_and_the_report_comes_last(
    printed: list[str], rows: dict[str, list[int]], output: Path
) -> None:
    assert printed[0] == "8 people enrolled, 96 photos of 12 people matched"
    assert printed[-1] == f"report: {(output / 'report.html').resolve()}"
    assert list(rows) == ["clean", *KINDS, "all"]
    assert len(printed) == 1 + 9 + 1
    kinds = dict(rows)
    total = kinds.pop("all")
    for numbers in kinds.values():
        assert numbers[1::2] == [8, 4, 12]
    assert total == [sum(column) for column in zip(*kinds.values(), strict=True)]


def test_the_report_needs_nothing_but_itself(output: Path, page: Page) -> None:
    text = (output / "report.html").read_text(encoding="utf-8")
    assert page.links and all(link.startswith("data:image/") for link in page.links)
    assert "://" not in text
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "url(" not in text and "@import" not in text


def test_the_report_is_whole_in_a_browser_and_on_paper(
    output: Path, printed: list[str], window: Browser
) -> None:
    assert printed
    require_sound(window, output / "report.html")


def test_the_report_says_the_totals_first(output: Path, rows: dict[str, list[int]]) -> None:
    text = (output / "report.html").read_text(encoding="utf-8")
    found = re.search(
        r"<b>(\d+) of (\d+) known people found, (\d+) of (\d+) unknown people kept out,\s+"
        r"(\d+) of (\d+) genders right",
        text,
    )
    assert found is not None
    assert [int(number) for number in found.groups()] == rows["all"]
    threshold = rule_for(load_catalog().default("face-network").id).threshold_for(2)
    assert "There are 12 sample identities" in text
    assert "8 are enrolled with 2 photos each" in text
    assert f"2 photos matches from a cosine similarity of\n{threshold:.3f}." in text


def test_the_report_shows_everyone_in_every_kind(page: Page, identities: Path) -> None:
    names = sorted(folder.name for folder in identities.glob("*/*"))
    assert len(names) == 12
    assert page.headings[::2] == names
    assert page.headings[1::2].count("(enrolled)") == 8
    assert page.headings[1::2].count("(not enrolled)") == 4
    shown = [alt for alt, _ in page.pictures]
    assert shown == [f"{name}, {kind}" for name in names for kind in ("clean", *KINDS)]


def test_the_counts_are_right(
    rows: dict[str, list[int]], page: Page, identities: Path, analyzer: Analyzer
) -> None:
    enrolled = {
        n
        for n, how in zip(page.headings[::2], page.headings[1::2], strict=True)
        if how == "(enrolled)"
    }
    people = {folder.name: folder for folder in identities.glob("*/*")}
    templates = {name: template(analyzer, people[name]) for name in enrolled}
    expected = {kind: [0, 8, 0, 4, 0, 12] for kind in ("clean", *KINDS)}
    frames: dict[str, str] = {}
    crossed = 0
    for name, folder in people.items():
        last = decode(max(folder.iterdir()))
        for kind, numbers in expected.items():
            image = last if kind == "clean" else apply(last, kind, 3, rng_for(0, name, kind))
            face = analyzer.analyze(image)[0]
            said = nearest(face, templates, rule_for(analyzer.model_id))
            right = said == (name if name in enrolled else None)
            numbers[0 if name in enrolled else 2] += right
            gender_right = face.gender is not None and face.gender.label == folder.parent.name
            numbers[4] += gender_right
            crossed += not gender_right
            frames[f"{name}, {kind}"] = "right" if right else "wrong"
    total = [sum(column) for column in zip(*expected.values(), strict=True)]
    expected["all"] = total
    assert rows == expected
    assert page.crossed == crossed
    assert dict(page.pictures) == frames
    cells = [cell for kind, numbers in expected.items() for cell in (kind, *as_cells(numbers))]
    assert page.cells == cells


def as_cells(numbers: list[int]) -> list[str]:
    return [f"{right} of {all_}" for right, all_ in zip(numbers[::2], numbers[1::2], strict=True)]


def template(analyzer: Analyzer, folder: Path) -> tuple[Any, float]:
    """The mean direction of all photos but the last, and their mean quality."""
    *photos, _ = sorted(folder.iterdir())
    faces = [analyzer.analyze(photo)[0] for photo in photos]
    mean = np.sum([face.embedding.vector for face in faces], axis=0)
    return mean / np.linalg.norm(mean), float(np.mean([face.quality for face in faces]))


def nearest(face: Face, templates: dict[str, tuple[Any, float]], rule: DecisionRule) -> str | None:
    """Whose template is furthest above the threshold of two references and these qualities."""
    assert face.quality is not None
    above = {
        name: float(vector @ face.embedding.vector)
        - rule.threshold_for(2)
        - rule.pull * (1 - face.quality) * (1 - quality)
        for name, (vector, quality) in templates.items()
    }
    best = max(above, key=above.__getitem__)
    return best if above[best] >= 0 else None
