"""A real browser on a report: what it asks for, draws, prints, and says on its console."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

#: A phone held upright, and a desk.
WIDTHS = (375, 1280)
#: A4 upright within its margins, at 96 dots an inch.
PAPER = 686
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: What would have to be scrolled, which paper cannot: it is cut there.
_CUT = """[...document.querySelectorAll('.scroll, pre')]
  .map(e => e.scrollWidth - e.clientWidth).filter(pixels => pixels > 0)"""
_UNSEEN = "[...document.images].filter(i => !i.naturalWidth || !i.alt).map(i => i.alt || '?')"
#: A table that is copied has a row of headings as wide as every row below it.
_UNEVEN = """[...document.querySelectorAll('table')].filter(t => {
  const widths = [...t.rows].map(r => [...r.cells].reduce((n, c) => n + c.colSpan, 0));
  return new Set(widths).size != 1 || !t.querySelector('th');
}).length"""


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page.

    Attributes:
        asked: addresses asked for beside the page itself and what is in it.
        complaints: errors and warnings of the console, and of the page's scripts.
        unseen: pictures that were not drawn or have no words.
        too_wide: by width of the window, pixels that go beyond it.
        uneven: tables whose rows are not of one width, or that have no headings.
        cut: pixels of tables and the like that go beyond A4 when printed.
        pdf: the page as it is printed.
    """

    asked: list[str]
    complaints: list[str]
    unseen: list[str]
    too_wide: dict[int, int]
    uneven: int
    cut: list[int]
    pdf: bytes


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """Start a browser without a screen."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield started
        started.close()


def look_at(window: Browser, file: Path) -> Seen:
    """Open a page on a phone and on a desk, and print it."""
    page = window.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    too_wide = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(file.as_uri())
        too_wide[width] = int(page.evaluate(_WIDER))
    unseen, uneven = list(page.evaluate(_UNSEEN)), int(page.evaluate(_UNEVEN))
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 1000})
    beyond = int(page.evaluate(_WIDER))
    seen = Seen(
        [url for url in asked if url != file.as_uri() and not url.startswith("data:")],
        complaints,
        unseen,
        too_wide,
        uneven,
        [*page.evaluate(_CUT), *([beyond] if beyond > 0 else [])],
        page.pdf(format="A4"),
    )
    page.close()
    return seen


def require_sound(window: Browser, file: Path) -> Seen:
    """Fail where a report needs anything beside itself, or cannot be read on a phone or paper."""
    seen = look_at(window, file)
    assert seen.asked == []
    assert seen.complaints == []
    assert seen.unseen == []
    assert all(pixels <= 0 for pixels in seen.too_wide.values()), seen.too_wide
    assert seen.uneven == 0
    assert seen.cut == []
    assert seen.pdf.startswith(b"%PDF")
    return seen
