"""The report end to end on the demo: what it says, what it refuses, and that a browser plays it."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest

import mma_bench
from mma_bench import MMABenchError
from mma_bench.loader import Sample
from mma_bench.models.interface import Answer, Model
from mma_bench.report import write_report
from mma_bench.schema import Modality, Question
from tests.conftest import run_command, tree

HOSTILE = "</span><script>alert('x')</script><img src=http://example.com/x onerror=alert(1)>\x00\x1b[31m\u202e\ud800 "
COMMAND = (sys.executable, "-m", "mma_bench", "report")
SECONDS = 60


class Hostile(Model):
    """Names what it hears and refuses on the last stimulus of each condition, in texts made to break a page."""

    takes_media = False
    name = "hos<b>tile|/$\\frac$\x07"

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def fingerprint(self) -> dict[str, str]:
        return {"<i>key": "</dd><script>2</script>"}

    def prepare(self, questions: Sequence[Question]) -> None:
        last = {question.condition: question.question_id.split("/")[0] for question in questions}
        self._refused = set(last.values())

    def answer(self, sample: Sample) -> list[Answer]:
        heard = None if sample.stimulus.key in self._refused else sample.stimulus.audio.label
        text = HOSTILE + ("I cannot tell." if heard is None else heard)
        return [Answer(question.question_id, text) for question in sample.questions]


class Page(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "poster")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def runs(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    models: list[str | Model] = ["baseline:visual-only", Hostile()]
    for name, model in zip(("visual", "hostile"), models, strict=True):
        mma_bench.evaluate(model, demo, run=folder / name, limit=6, protocol="paper", progress=False)
    return [folder / "visual", folder / "hostile"]


@pytest.fixture(scope="module")
def report(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(runs, tmp_path_factory.mktemp("out") / "report", examples=2).parent


def test_the_page_shows_the_scores_and_nothing_in_it_comes_from_elsewhere(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    text = "".join(page.text)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert "<script>alert('x')</script>" in text
    assert "[U+0000][U+001B][31m[U+202E][U+D800]" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", html)
    for address in page.addresses:
        assert address.startswith(("#", "data:,")) or (report / address).is_file(), address
    assert not re.search(r"@import|url\((?!#)", html)
    assert "hallucination: lower is better" in text
    assert str(report.parent) not in html  # no path of this machine
    for verdict in ("right", "distracted", "rightly abstained", "hallucinated"):
        assert f">{verdict}</span>" in html
    omitted = re.search(r"([\d,]+) of [\d,]+ characters left out", html)
    assert omitted is not None
    assert int(omitted[1].replace(",", "")) > 15_000  # the 10,000 letters of long_context


def test_the_tables_say_what_the_evaluator_says(report: Path, runs: list[Path], demo: Path) -> None:
    scores = mma_bench.evaluate("baseline:visual-only", demo, run=runs[0], limit=6, protocol="paper", progress=False)
    rows = [row for row in csv.DictReader((report / "scores.csv").open()) if row["model"] == "baseline:visual-only"]
    assert [(row["condition"], row["modality"]) for row in rows] == [(c.condition, c.modality) for c in scores.cells]
    for row, cell in zip(rows, scores.cells, strict=True):
        assert float(row["accuracy"]) == pytest.approx(cell.accuracy, abs=1e-6)
        assert float(row["distraction_rate"]) == pytest.approx(cell.distraction_rate, abs=1e-6)
    assert scores.cell("misaligned", Modality.AUDIO).distraction_rate == 1
    stored = json.loads((report / "report.json").read_text())
    by_label = {run["label"]: run for run in stored["runs"]}
    assert by_label["baseline:visual-only"]["scores"] == scores.to_json()
    raw = [answer["text"] for e in stored["examples"] for q in e["questions"] for answer in q["answers"]]
    assert any(text.startswith(HOSTILE) for text in raw)  # unchanged in the machine-readable file
    table = (report / "tables.md").read_text(encoding="utf-8")
    assert "| baseline:visual-only | 100.0 / 100.0 | 100.0 / 0.0 |" in table
    assert "<b>" not in table


def test_examples_carry_both_streams_and_show_success_and_failure(report: Path) -> None:
    stored = json.loads((report / "report.json").read_text())
    assert [e["condition"] for e in stored["examples"]] == [
        condition for condition in ("aligned", "misaligned", "audio_removed", "frames_zeroed") for _ in range(2)
    ]
    kinds = {a["verdict"] for e in stored["examples"] for q in e["questions"] for a in q["answers"]}
    assert {"right", "distracted", "hallucinated", "rightly abstained", "abstained"} <= kinds
    for condition in ("aligned", "misaligned", "frames_zeroed"):  # of six stimuli, the model under test fails on one
        shown = [q for e in stored["examples"] if e["condition"] == condition for q in e["questions"]]
        assert {"right", "abstained"} <= {a["verdict"] for q in shown for a in q["answers"] if "hos" in a["model"]}
    for example in stored["examples"]:
        with av.open(report / example["media"]) as container:
            assert [stream.codec_context.name for stream in container.streams] == ["h264", "flac"]
            assert sum(frame.samples for frame in container.decode(container.streams.audio[0])) > 16_000
        with av.open(report / example["media"]) as container:
            assert sum(1 for _ in container.decode(container.streams.video[0])) > 10


def test_same_runs_same_bytes_also_when_replacing(report: Path, runs: list[Path], tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(report, again)
    (again / "index.html").write_text("stale")
    write_report(runs, again, examples=2)
    assert tree(again) == tree(report)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]  # no staging folder is left


def test_refusals_are_one_clear_line_and_keep_what_was_there(report: Path, runs: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs[0], other)
    head = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**head, "data_sha256": "0" * 64}))
    full = tmp_path / "full"
    full.mkdir()
    (full / "report.json").write_text("{}")
    copy = tmp_path / "copy"
    shutil.copytree(report, copy)
    (copy / "thesis.txt").write_text("years of work")
    before = tree(copy)
    cases = [
        ([runs[0], other], tmp_path / "new", "about different data"),
        ([other], tmp_path / "new", "was made on other data"),
        ([runs[0], runs[0]], tmp_path / "new", "given twice"),
        ([runs[0]], full, "not an earlier report"),
        ([runs[0]], copy, "thesis.txt"),
        ([runs[0]], runs[1], "not an earlier report"),
    ]
    for folders, out, message in cases:
        with pytest.raises(MMABenchError, match=message) as raised:
            write_report(folders, out)
        assert "\n" not in str(raised.value)
    result = run_command(*COMMAND, str(runs[0]), "--out", str(full), check=False)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "new").exists()
    assert tree(copy) == before


def test_an_unfinished_run_is_reported_as_such(runs: list[Path], tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(runs[1], part)
    lines = (part / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (part / "answers.jsonl").write_bytes(b"".join(lines[:-5]))
    result = run_command(*COMMAND, str(runs[0]), str(part), "--out", str(tmp_path / "out"), "--examples", "0")
    assert str(tmp_path / "out" / "index.html") in result.stdout
    assert "| baseline:visual-only |" in result.stdout
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert f"has not answered 5 of {len(lines)} questions" in html
    assert "<video" not in html


PLAYER = """<!doctype html><video src="{source}" preload="auto"></video><pre></pre><script>
const video = document.querySelector("video");
const tell = () => document.querySelector("pre").textContent = [video.videoWidth, video.duration,
  video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount, video.error && video.error.message].join(";");
video.onerror = tell;
window.onload = async () => {{ await video.play(); await new Promise((done) => setTimeout(done, 500)); tell(); }};
</script>"""


def _chromium(page: Path) -> str:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium to look at the page as a reader would")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    command = [browser, *flags, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert "</html>" in result.stdout, result.stderr
    return result.stdout


def test_a_browser_runs_the_page_under_its_own_policy(report: Path) -> None:
    dom = _chromium(report / "index.html")
    questions = dom.count('<section class="question"')
    assert f">{questions} of {questions} questions</output>" in dom  # the page's script ran
    assert re.search(r'<figure class="average" data-average="macro" hidden=""', dom)
    assert not re.search(r'<figure class="average" data-average="micro" hidden', dom)


def test_a_browser_plays_picture_and_sound(report: Path, tmp_path: Path) -> None:
    media = sorted((report / "media").glob("misaligned_*.mp4"))[0]
    (tmp_path / "player.html").write_text(PLAYER.format(source=media.as_uri()), encoding="utf-8")
    told = re.search(r"<pre>(.*?)</pre>", _chromium(tmp_path / "player.html"))
    assert told is not None
    width, duration, video_bytes, audio_bytes, error = told[1].split(";")
    assert error == ""
    assert int(width) > 0
    assert float(duration) > 1
    assert int(video_bytes) > 0
    assert int(audio_bytes) > 0
