"""The page shows every node and every count, and needs nothing from elsewhere."""

import json
import re
from pathlib import Path

from builder.select.ontology_page import write_ontology_page
from builder.select.rules import DEFAULT_RULES
from tests.builder.review.browser import Browser


def test_page_of_the_real_lists(shared: Path, tmp_path: Path) -> None:
    audioset = shared / "audioset"
    pages = []
    for name in ("one.html", "two.html"):
        nodes = write_ontology_page(
            tmp_path / name,
            ontology_path=audioset / "ontology.json",
            rules_path=DEFAULT_RULES,
            segment_paths=[audioset / "eval_segments.csv"],
        )
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    page = pages[0]
    assert sum(nodes.values()) == 632
    lines = re.findall(r'<li data-s="(\w+)" data-n="[^"]*" title="(/[mtg]/\w+)', page)
    ids = {node["id"] for node in json.loads((audioset / "ontology.json").read_text())}
    assert {id_ for _, id_ in lines} == ids
    assert {status: len({id_ for s, id_ in lines if s == status}) for status in nodes} == nodes
    assert "20,371" in page
    assert not re.search(r"(src|href)=|@import|url\(|https?://", re.sub(r'title="[^"]*"', "", page))


def test_page_without_lists_has_no_counts(shared: Path, tmp_path: Path) -> None:
    ontology = shared / "audioset" / "ontology.json"
    write_ontology_page(tmp_path / "page.html", ontology_path=ontology, rules_path=DEFAULT_RULES)
    page = (tmp_path / "page.html").read_text()
    assert "<svg" not in page
    assert "Canidae" in page


def test_page_fits_a_phone(shared: Path, tmp_path: Path) -> None:
    audioset = shared / "audioset"
    page = tmp_path / "page.html"
    write_ontology_page(
        page,
        ontology_path=audioset / "ontology.json",
        rules_path=DEFAULT_RULES,
        segment_paths=[audioset / "eval_segments.csv"],
    )
    with Browser(tmp_path / "profile", width=390, height=844) as browser:
        browser.open(page.as_uri())
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.tree') !== null")
        browser.evaluate("document.getElementById('unfold').click()")
        assert browser.evaluate("document.documentElement.scrollWidth") == 390
        right = (
            "Math.max(...[...document.querySelectorAll('.tree span, td')].map((n) => n.getBoundingClientRect().right))"
        )
        assert browser.evaluate(right) <= 390  # nothing is cut off either
        assert browser.evaluate("getComputedStyle(document.querySelector('table.narrow')).display") == "table"
