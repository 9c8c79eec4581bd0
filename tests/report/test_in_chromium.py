"""The report and the leaderboard in a real browser: they work, they play, and no answer of a model runs."""

from pathlib import Path

from tests.builder.review.browser import Browser

PRESS = "document.querySelector('.rows').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}))"
CHOOSE = """(() => {
  const node = document.querySelector("[data-filter=%s]");
  node.%s;
  node.dispatchEvent(new Event("%s"));
})()"""
COUNT = "Number(document.querySelector('.filters output').value.split(' ')[0])"
PLAYED = """(() => {
  const video = document.querySelector("video");
  video.play();
  const bytes = [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount];
  return video.error === null && video.videoWidth > 0 && Math.min(...bytes) > 0;
})()"""
NAMES = """(() => {
  const [table] = [...document.querySelectorAll("table")].sort((a, b) => b.rows.length - a.rows.length);
  table.querySelector("[data-column='0']").click();
  return [...table.tBodies[0].rows].map((row) => row.cells[0].dataset.value.slice(0, 4));
})()"""


def test_report_and_leaderboard_work_and_no_answer_runs(report: Path, leaderboard: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", width=390, height=844) as browser:
        browser.open((report / "index.html").as_uri())
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.row') !== null")
        assert browser.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out on a phone
        hidden = browser.evaluate("[...document.querySelectorAll('figure.average')].map((figure) => figure.hidden)")
        assert hidden == [False, True]
        _browse(browser)
        assert browser.evaluate("window.hacked === undefined")
        browser.open((leaderboard / "index.html").as_uri())
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.sortable') !== null")
        assert browser.evaluate(NAMES) == ["=hos", "base"]
        assert browser.evaluate(NAMES) == ["base", "=hos"]
        assert browser.evaluate("window.hacked === undefined")
        assert browser.evaluate("document.images.length") == 0
        assert browser.evaluate("document.documentElement.scrollWidth") == 390
        assert browser.evaluate("document.querySelector('.frame').className") == "frame more-right"  # the cue
        strange = [name for name in browser.addresses if not name.startswith(("file://", "data:", "about:"))]
        assert strange == []


FILTER = "document.querySelector('[data-filter=%s]').value"
TALLEST = 6_500
"""Pixels of the page of two runs at 1400 px; it had 10,000 before long parts were folded."""


def test_the_page_is_short_and_its_filters_are_in_the_address(report: Path, tmp_path: Path) -> None:
    page = (report / "index.html").as_uri()
    with Browser(tmp_path / "profile", width=1400, height=900) as browser:
        browser.open(page)
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.row') !== null")
        assert browser.evaluate("document.documentElement.scrollHeight") < TALLEST
        assert browser.evaluate("document.querySelector('.tiles').getBoundingClientRect().bottom") < 900
        assert browser.evaluate("document.querySelector('.baselines').open") is False
        # The model under test names what it hears: a visual question under conflict misleads it.
        assert browser.evaluate("document.querySelector('.question h3').textContent").startswith(
            "visual question, misal"
        )
        assert browser.evaluate("document.querySelector('.answers .badge').textContent").endswith("distracted")
        browser.evaluate(CHOOSE % ("modality", "value = '1'", "change"))
        browser.evaluate(CHOOSE % ("text", "value = 'a & b=c #é'", "input"))
        address = browser.evaluate("location.href")
        assert "modality=audio" in address
        browser.evaluate("history.back()")
        browser.wait_for(f"{FILTER % 'text'} === '' && {FILTER % 'modality'} === '1'")
        browser.open("about:blank")
        browser.open(address)
        browser.wait_for(f"document.readyState === 'complete' && {FILTER % 'text'} === 'a & b=c #é'")
        assert browser.evaluate(FILTER % "modality") == "1"
        browser.open(f"{page}#examples?condition=%3Cimg%20onerror%3D1%3E&class=%E0%A4&text=x")
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.row, .none') !== null")
        assert browser.evaluate(FILTER % "condition") == ""


def _browse(browser: Browser) -> None:
    total = browser.evaluate(COUNT)
    assert total == 6 * 12  # six clips, six conditions, two questions
    assert browser.evaluate("document.querySelectorAll('.row').length") < 30  # only what is visible exists
    browser.wait_for(PLAYED)
    browser.evaluate(PRESS % "ArrowDown")
    browser.evaluate(PRESS % "End")
    assert browser.evaluate("document.querySelector('.row[aria-selected=true]').ariaPosInSet") == str(total)
    browser.evaluate(CHOOSE % ("text", "value = 'window.HACKED'", "input"))
    assert browser.evaluate(COUNT) == total
    answer = browser.evaluate("document.querySelector('.answer').textContent")
    assert "<script>window.hacked='x'</script>" in answer
    assert "[U+202E]" in answer
    browser.evaluate(CHOOSE % ("text", "value = 'nowhere to be found'", "input"))
    assert browser.evaluate(COUNT) == 0
    browser.evaluate(CHOOSE % ("text", "value = ''", "input"))
    browser.evaluate(CHOOSE % ("modality", "value = '1'", "change"))
    assert browser.evaluate(COUNT) == total / 2
