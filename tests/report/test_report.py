"""The report end to end on the demo: what it says, what it refuses, and that a browser plays it."""

import csv
import json
import re
import shutil
import sys
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

import mma_bench
from mma_bench import MMABenchError
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.report import write_report
from mma_bench.schema import Modality
from tests.conftest import run_command, tree
from tests.report.hostile import HOSTILE

COMMAND = (sys.executable, "-m", "mma_bench", "report")


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


def test_the_page_shows_the_scores_and_nothing_in_it_comes_from_elsewhere(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    text = "".join(page.text)
    assert page.tags.count("script") == 2  # the data of the browser of examples, and our own code
    assert "img" not in page.tags
    assert "<script>window" not in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e]", html)
    for address in page.addresses:
        assert address.startswith(("#", "data:,")) or (report / address).is_file(), address
    assert not re.search(r"@import|url\((?!#)", html)
    assert "hallucination: lower is better" in text
    assert str(report.parent) not in html  # no path of this machine
    assert "published, not re-run" in text
    assert "28.75" in text  # with the digits of the source
    assert "76.68 in the README of the authors' repository" in text
    assert "a difference need not be the model's" in text
    assert load_protocol("paper").sha256 in text
    shown = json.loads(re.search(r'id="browser-data">(.*?)</script>', html, re.DOTALL)[1])  # type: ignore[index]
    kinds = {shown["kinds"][said[4]]["name"] for question in shown["questions"] for said in question[8]}
    assert {"right", "distracted", "rightly abstained", "hallucinated"} <= kinds
    heads = [head for head, *_ in shown["texts"]]
    assert any("<script>window.hacked='x'</script>" in head for head in heads)
    assert any("[U+0000][U+001B][31m[U+202E][U+D800]" in head for head in heads)
    assert max(omitted for _, omitted, *_ in shown["texts"]) > 90_000
    assert len(html) < 1_500_000


def test_every_figure_and_table_is_there_as_files_for_papers(report: Path, demo: Path) -> None:
    for name in ("competence", "conditions", "follows", "reliance", "class_drops", "confusion"):
        assert (report / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (report / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert not [path for path in report.rglob("*.pdf") if b"Date" in path.read_bytes()]
    split = json.loads((report / "tables" / "competence.json").read_text())
    row = next(row for row in split["rows"] if row["name"] == "baseline:visual-only: misaligned, visual")
    assert [entry["value"] for entry in row["entries"][1:5]] == [1, 1, 0, 0]  # sees all, and nothing interferes
    significant = (report / "tables" / "accuracy_micro.md").read_text()
    assert "baseline:visual-only | 100.0 / 100.0 | 100.0 / 0.0*" not in significant  # six clips prove nothing


def test_nothing_that_a_model_says_is_a_command_in_latex_a_formula_or_a_link(report: Path) -> None:
    known = {
        *("usepackage", "begin", "end", "centering", "caption", "label", "toprule", "midrule"),
        *("bottomrule", "cmidrule"),
        *("multicolumn", "textbf", "textsuperscript", "scriptsize", "par", "smallskip", "footnotesize"),
        *("textbackslash", "textless", "textgreater", "textbar", "textdagger", "textasteriskcentered", "textquotedbl"),
    }
    tables = sorted((report / "tables").glob("*.tex"))
    texts = "".join(path.read_text(encoding="utf-8") for path in tables)
    assert r"=hos\textless{}b\textgreater{}tile\textbar{}/\$\textbackslash{}frac\${[}U+0007{]}" in texts
    assert set(re.findall(r"\\([A-Za-z]+)", texts)) <= known
    assert not re.search(r"(?<!\\)[$#_^~]", texts)
    for path in report.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-(?!\d)", cell)], path
    for path in report.rglob("*.md"):
        text = path.read_text(encoding="utf-8").partition("Measured with:")[0]
        assert not re.search(r"<(b|img|script)|\]\(javascript", text), path


def test_the_hub_reads_the_results(report: Path) -> None:
    (folder,) = (report / "hub").iterdir()
    entries = parse_eval_result_entries(yaml.safe_load((folder / ".eval_results" / "mma-bench.yaml").read_text()))
    by_task = {entry.task_id: entry for entry in entries}
    assert list(by_task) == ["aligned", "misaligned", "audio_removed", "frames_zeroed"]
    assert by_task["misaligned"].value == pytest.approx((0 + 100 * 5 / 6) / 2, abs=0.01)  # it names what it hears
    assert "visual 0.0" in by_task["misaligned"].notes
    assert "Missing competence or interference?" in (folder / "model_card.md").read_text()


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
    assert scores.to_json()["scores_version"] == 2
    raw = [answer["text"] for e in stored["examples"] for q in e["questions"] for answer in q["answers"]]
    assert any(text.startswith(HOSTILE) for text in raw)  # unchanged in the machine-readable file
    table = (report / "tables.md").read_text(encoding="utf-8")
    assert "| baseline:visual-only | 100.0 / 100.0 | 100.0 / 0.0 |" in table


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
        ([other], tmp_path / "new", "was evaluated on data that differs"),
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
    shutil.copytree(runs[0], part)
    lines = (part / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (part / "answers.jsonl").write_bytes(b"".join(lines[:-5]))
    result = run_command(*COMMAND, str(part), "--out", str(tmp_path / "out"), "--examples", "0")
    assert str(tmp_path / "out" / "index.html") in result.stdout
    said = json.loads((tmp_path / "out" / "report.json").read_text())
    assert result.stdout.splitlines()[:4] == [*said["answer"], said["answer_note"]]
    assert (tmp_path / "out" / "index.html").as_uri() in result.stdout
    assert "|" not in result.stdout  # no table
    assert re.search(r"\[report\] scoring 1 run \.\.\. \d+\.\d s", result.stderr)
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert f"has not answered 5 of {len(lines)} questions" in html
    assert not (tmp_path / "out" / "media").exists()
