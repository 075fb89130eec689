from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from benchmarks.results_file import RESULTS
from benchmarks.tables import all_tables, with_tables

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", range(len(all_tables())))
def test_the_readme_shows_the_committed_figures(number: int) -> None:
    assert all_tables()[number] in README


def test_every_result_says_what_made_it() -> None:
    files = sorted(RESULTS.glob("*.json"))
    assert len(files) >= 5
    for file in files:
        result = json.loads(file.read_text(encoding="utf-8"))
        program = re.search(r"-m (benchmarks\.\w+)", result["command"])
        assert program is not None
        assert (ROOT / f"{program[1].replace('.', '/')}.py").is_file()
        assert {"steadyface", "model", "libraries", "graph_sha256"} <= set(result["made_by"])


def test_links_of_the_readme_and_docs_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_tables_are_put_in_place_of_those_with_the_same_rows() -> None:
    old, other = "| a | b |\n| - | - |\n| x | 1 |\n", "| a | b |\n| - | - |\n| y | 1 |\n"
    new = "| a | c |\n| - | - |\n| x | 2 |"
    assert with_tables(f"before\n\n{old}\n{other}after", [new]) == (
        f"before\n\n{new}\n\n{other}after"
    )
    assert with_tables(README, all_tables()) == README
