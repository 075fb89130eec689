"""Every report of `evaluate`, opened in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.browser import look_at, require_sound

from steadyface.evaluation.pages import style

pytestmark = pytest.mark.slow

Command = Callable[..., Any]
Paint = Callable[..., Path]


@pytest.fixture
def genders(tmp_path: Path, paint: Paint, fake_models: None) -> Path:
    """Women and men in flat colours, one man like a woman, and a table of their ages."""
    rows = ["image,age"]
    for number in range(40):
        paint(tmp_path / "d" / "female" / f"w{number}.png", blue=240 - number)
        paint(tmp_path / "d" / "male" / f"m{number}.png", blue=200 if number == 3 else number)
        rows += [f"w{number}.png,{'old' if number % 2 else 'young'}", f"m{number}.png,old"]
    (tmp_path / "groups.csv").write_text("\n".join(rows))
    return tmp_path / "d"


@pytest.fixture
def people(tmp_path: Path, paint: Paint, fake_models: None) -> Path:
    """Three people with two images, one of whom looks like another, and a stranger."""
    angles = {"Ann": (0, 5), "Ben": (90, 95), "Cleo": (200, 4), "Stranger": (3,)}
    for name, several in angles.items():
        for number, angle in enumerate(several):
            paint(tmp_path / "people" / name / f"{number}.png", degrees=angle)
    return tmp_path / "people"


FIXED = ("--kind", "blurred", "--kind", "lowlight", "--severity", "1", "--severity", "3")


def test_robustness_of_gender(
    steadyface: Command, genders: Path, tmp_path: Path, window: Browser
) -> None:
    steadyface("evaluate", "robustness", genders, "--output", tmp_path / "o", *FIXED)
    require_sound(window, tmp_path / "o" / "report.html")


def test_robustness_of_people(
    steadyface: Command, people: Path, tmp_path: Path, window: Browser
) -> None:
    steadyface("evaluate", "robustness", people, "--output", tmp_path / "o", *FIXED)
    require_sound(window, tmp_path / "o" / "report.html")


def test_fairness(steadyface: Command, genders: Path, tmp_path: Path, window: Browser) -> None:
    groups = "--table", tmp_path / "groups.csv", "--group", "age"
    steadyface("evaluate", "fairness", genders, *groups, "--output", tmp_path / "o")
    require_sound(window, tmp_path / "o" / "report.html")


def test_a_wide_table_fits_paper(tmp_path: Path, window: Browser) -> None:
    page = tmp_path / "wide.html"
    cells = "".join("<td>95.1 (90.2 to 97.3)</td>" for _ in range(16))
    heads = "".join(f"<th>FNIR of decisions {n}, %</th>" for n in range(16))
    table = f"<div class='scroll'><table><tr>{heads}</tr><tr>{cells}</tr></table></div>"
    long = f"<pre>{'made by ' * 80}</pre>"
    page.write_text(f"<!doctype html><title>x</title><style>{style()}</style>{table}{long}")
    require_sound(window, page)
    on_screen = style().partition("@page")[0]
    page.write_text(f"<!doctype html><title>x</title><style>{on_screen}</style>{table}{long}")
    of_table, of_words = look_at(window, page).cut
    assert of_table > 500 and of_words > 500


def test_every_report_looks_alike() -> None:
    root = Path(__file__).resolve().parents[2]
    templates = [*(root / "src").rglob("*.html.j2"), *(root / "examples").rglob("*.html.j2")]
    assert len(templates) == 4
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert "<style>\n{{ style }}\n" in text
        assert "overflow-x" not in text


def test_a_page_that_needs_more_than_itself_is_told(tmp_path: Path, window: Browser) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        "<!doctype html><title>x</title><img src='none.png' alt='x'><script>nothing()</script>"
        "<div style='width: 900px'>wide</div>"
        "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>"
    )
    seen = look_at(window, page)
    assert {url.rsplit("/", 1)[1] for url in seen.asked} >= {"none.png"}
    assert any("nothing is not defined" in said for said in seen.complaints)
    assert seen.unseen == ["x"]
    assert seen.too_wide[375] > 500
    assert seen.uneven == 1
    assert seen.cut and min(seen.cut) > 200  # of the wide part, on paper
