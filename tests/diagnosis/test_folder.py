"""What is in the folder of a diagnosis belongs together: the same stimuli, questions and code in every table."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from mma_bench import MMABenchError, load
from mma_bench.cli.diagnose import diagnose_command
from mma_bench.diagnosis import PARTS, Found, Measured, Number, Part, Subject, about, diagnose, part
from mma_bench.diagnosis.asked import what_is_asked
from mma_bench.diagnosis.comparison import check_other
from mma_bench.diagnosis.measuring_code import code_of
from mma_bench.diagnosis.page import _table
from mma_bench.diagnosis.parts.attention import Attention
from mma_bench.diagnosis.parts.lens import HEARD, Lens
from mma_bench.diagnosis.parts.patching import NO_PARTNER, Patching
from mma_bench.diagnosis.parts.tokens import Tokens
from mma_bench.diagnosis.preview import preview
from mma_bench.diagnosis.store import Store, open_diagnosis
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.evaluation.statistics import Estimate
from mma_bench.models.omni.model import TransformersOmni
from mma_bench.models.omni.random_weights import Size, random_thinker
from tests.conftest import tree
from tests.diagnosis.models import FAMILIES, LETTERS, STREAMS, make_engine, subject_of

OPTIONS = {"min_pixels": "1", "max_pixels": "3136", "dtype": "float32", "fps": "1"}
ASKED: dict[str, Any] = {"condition": "misaligned", "limit": 1, "progress": False}


class Count(Part):
    """A part without a figure, which counts questions."""

    name = "first"
    help = "questions"

    def measure(self, subject: Subject) -> Iterator[dict[str, Any]]:
        yield from (about(case, subject) for case in subject.cases)

    def numbers(self, measured: Measured) -> list[Number]:
        count = len(measured.tables[self.name])
        return [Number.of(Estimate(float(count), 0.0, 0.0, count), self.name, "questions")]


class SecondCount(Count):
    name = "second"


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def own_parts() -> Iterator[None]:
    """Register both counts."""
    for kind in (Count, SecondCount):
        part(kind)
    yield
    for kind in (Count, SecondCount):
        PARTS._known.pop(kind.name)


@pytest.fixture(scope="module")
def model(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> TransformersOmni:
    """A model of random weights and one layer, which reads the words of the demo's questions as one token each."""
    folder = tmp_path_factory.mktemp("omni")
    texts = [row.prompt for row in load(demo, condition="aligned", limit=1)]
    thinker, tokenizer, extractor = random_thinker(FAMILIES[0], Size(layers=1, spread=0.25), texts=texts)
    for each in (thinker.model, tokenizer, extractor):
        each.save_pretrained(folder)
    return TransformersOmni(str(folder), OPTIONS)


@pytest.fixture(scope="module")
def before(demo: Path, model: TransformersOmni, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diagnosis of two parts about one stimulus."""
    folder = tmp_path_factory.mktemp("diagnosis") / "before"
    diagnose(model, demo, run=folder, parts=["tokens", "attention"], **ASKED)
    return folder


def parts_in(found: Found | Path) -> set[str]:
    """The parts of which there are numbers."""
    if isinstance(found, Found):
        return {number.part for number in found.numbers}
    return set(pq.read_table(found / "estimates.parquet")["part"].to_pylist())


def test_overwriting_takes_a_diagnosis_alone(demo: Path, model: TransformersOmni, tmp_path: Path) -> None:
    """Files of a user's are not lost, wherever `--run` points, and nothing of the old diagnosis stays."""
    for name in ("figures/mine.png", "tables/mine.csv", "notes.txt"):
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text("mine")
    kept = tree(tmp_path / "work")
    with pytest.raises(MMABenchError, match="exists and is not a diagnosis"):
        diagnose(model, demo, run=tmp_path / "work", parts=["tokens"], overwrite=True, **ASKED)
    assert tree(tmp_path / "work") == kept
    folder = tmp_path / "x"
    diagnose(model, demo, run=folder, parts=["tokens"], **ASKED)
    for name in ("head_gain_misaligned_visual.json", "notes.txt", "head_gain_mine.json"):
        (folder / name).write_text("{}")
    assert list(folder.glob("samples/*.png"))
    diagnose(model, demo, run=folder, parts=["first"], overwrite=True, **ASKED)
    assert not list(folder.glob("samples/*.png"))
    assert not list(folder.glob("measured/tokens/*"))
    assert {path.name for path in folder.iterdir() if path.suffix in (".json", ".txt")} == {
        "diagnosis.json", "notes.txt", "head_gain_mine.json"
    }  # fmt: skip


def test_one_more_part_is_added_to_the_page_and_the_numbers(
    demo: Path, model: TransformersOmni, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "x"
    diagnose(model, demo, run=folder, parts=["first"], **ASKED)
    found = diagnose(model, demo, run=folder, parts=["second"], **ASKED)
    assert parts_in(found) == parts_in(folder) == {"first", "second"}
    diagnose(model, demo, run=tmp_path / "whole", parts=["first", "second"], **ASKED)
    whole = tree(tmp_path / "whole")
    assert {name: content for name, content in tree(folder).items() if name.endswith(".parquet")} == {
        name: content for name, content in whole.items() if name.endswith(".parquet")
    }
    # Of other stimuli, the earlier part is not taken: it would be shown next to numbers about others.
    capsys.readouterr()
    found = diagnose(model, demo, run=folder, parts=["second"], **{**ASKED, "limit": 3})
    assert parts_in(found) == parts_in(folder) == {"second"}
    assert not (folder / "first.parquet").exists()
    assert "the part first is left out: 2 of 3 stimuli are not measured" in capsys.readouterr().err
    assert "the part first is left out" in (folder / "index.html").read_text("utf-8")


def test_an_unfinished_diagnosis_has_no_page_and_is_not_compared_with(
    demo: Path, model: TransformersOmni, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    diagnose(model, demo, run=folder, parts=["first"], **ASKED)

    def killed(part: Attention, subject: Subject) -> Iterator[dict[str, Any]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(SecondCount, "measure", killed)
    with pytest.raises(KeyboardInterrupt):
        diagnose(model, demo, run=folder, parts=["second"], **ASKED)
    assert not (folder / "index.html").exists()
    with pytest.raises(MMABenchError, match="is not finished"):
        diagnose(model, demo, run=tmp_path / "y", against=folder, parts=["first"], **ASKED)
    assert not (tmp_path / "y").exists()


def test_a_part_that_the_other_diagnosis_lacks_is_named_and_shown_alone(
    demo: Path, model: TransformersOmni, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, folder, asked = tmp_path / "other", tmp_path / "x", {**ASKED, "limit": 2}
    diagnose(model, demo, run=other, parts=["first"], **asked)
    found = diagnose(model, demo, run=folder, parts=["first", "cohens_d"], against=other, **asked)
    assert parts_in(found) == {"first", "attention", "cohens_d"}
    note = "the diagnosis other lacks attention, cohens_d: not compared"
    assert f"note: {note}" in capsys.readouterr().err
    page = (folder / "index.html").read_text("utf-8")
    assert note in page
    assert {'id="attention"', 'id="cohens_d"'} <= set(re.findall(r'id="\w+"', page))
    with pytest.raises(MMABenchError, match="asked other questions"):
        check_other(other, open_diagnosis(other).changed(clips=1))


def test_what_is_measured_does_not_depend_on_which_other_stimuli_are(
    demo: Path, model: TransformersOmni, tmp_path: Path
) -> None:
    """A misaligned clip is patched with the aligned one of its video, also if that is beyond the limit."""
    found = diagnose(model, demo, run=tmp_path / "x", parts=["patching"], **ASKED)
    table = found.measured.tables["patching"]
    assert len(table) > 2
    assert table["left_out"].null_count == len(table)


def test_a_stimulus_without_an_aligned_one_is_counted_as_left_out() -> None:
    subject = subject_of(make_engine(FAMILIES[0]), "A", "B", STREAMS, classes=LETTERS)
    rows = list(Patching().measure(subject))
    assert [row["left_out"] for row in rows] == [NO_PARTNER] * 2


def test_only_the_headline_wordings_are_asked_and_each_has_its_picture(
    demo: Path, model: TransformersOmni, tmp_path: Path
) -> None:
    rules = load_protocol("robust")
    asked = what_is_asked(rules, demo, condition="misaligned", split="test", limit=1)
    assert {row.variant for row in asked.benchmark} == set(rules.headline) < {rule.name for rule in rules.variants}
    assert {q.variant for sample in asked.partners.values() for q in sample.questions} == set(rules.headline)
    diagnose(model, demo, run=tmp_path / "x", parts=["tokens"], protocol="robust", **ASKED)
    page = (tmp_path / "x" / "index.html").read_text("utf-8")
    shown = re.findall(r'src="(samples/[^"]+)"', page)
    assert len(set(shown)) == len(shown) == len(asked.benchmark) == 2 * len(rules.headline)
    assert {f"samples/{path.name}" for path in tmp_path.glob("x/samples/*.png")} == set(shown)


def test_the_tables_of_all_stimuli_are_never_in_memory_together(before: Path) -> None:
    """Numbers need one row per group, not one per head or token."""
    store = Store(before)
    full = pq.read_table(before / "attention.parquet")
    condensed = store.finished(Attention())
    assert condensed is not None
    frame = full.to_pandas()
    heads = frame[frame["head"].notna()]
    keys = ["question_id", "source", "layer", "group"]
    means = heads.groupby(keys)["mass"].mean()
    assert len(condensed) == len(means) < len(full) / 4
    found = condensed.to_pandas().set_index(keys)["mass"]
    assert found.loc[means.index].to_numpy() == pytest.approx(means.to_numpy(), abs=1e-6)
    tokens = store.finished(Tokens())
    assert tokens is not None
    counts = pq.read_table(before / "tokens.parquet").to_pandas().groupby(["question_id", "group"]).size()
    assert len(tokens) == len(counts)
    assert tokens.to_pandas().set_index(["question_id", "group"])["tokens"].to_dict() == counts.to_dict()


def test_a_dry_run_finds_what_the_run_would_refuse(demo: Path, model: TransformersOmni, before: Path) -> None:
    more: dict[str, Any] = {"parts": ["tokens"], "condition": ASKED["condition"], "split": "test", "limit": 1}
    asked = {**more, "options": OPTIONS, "protocol": "paper", "seed": 0, "against": None, "overwrite": False}
    assert preview(model.name, demo, run=before, **asked).problems == []
    assert preview(model.name, demo, run=before.parent / "new", **{**asked, "against": before}).problems == []
    for run, change, problem in [
        (demo, {}, "exists and is not a diagnosis"),
        (demo, {"overwrite": True}, "exists and is not a diagnosis"),
        (before, {"seed": 1}, "of another model, version, setting"),
        (before, {"options": {**OPTIONS, "max_pixels": "1000"}}, "of another model, version, setting"),
        (before.parent / "new", {"against": demo}, "is not a diagnosis"),
        (before.parent / "new", {"against": demo / "nowhere"}, "is not a diagnosis"),
        (before.parent / "new", {"against": before, "limit": 2}, "asked other questions"),
    ]:
        (found,) = preview(model.name, demo, run=run, **{**asked, **change}).problems
        assert problem in found
    assert preview(model.name, demo, run=before, **{**asked, "seed": 1, "overwrite": True}).problems == []


def test_the_command_on_the_page_makes_the_same_diagnosis(demo: Path, model: TransformersOmni, tmp_path: Path) -> None:
    more = {**ASKED, "parts": ["first"], "seed": 3}
    diagnose(model, demo, run=tmp_path / "first", **more)
    diagnose(model, demo, run=tmp_path / "second", against=tmp_path / "first", **more)
    page = (tmp_path / "second" / "index.html").read_text("utf-8")
    words = shlex.split(page.partition("<pre><code>")[2].partition("</code>")[0])
    given = diagnose_command.make_context("diagnose", words[2:]).params
    assert (given["part"], given["limit"], given["seed"]) == (("first",), 1, 3)
    assert (given["against"], given["run"], given["model"]) == (Path("first"), Path("second"), model.name)
    settings = dict(option.split("=", 1) for option in given["model_option"])
    assert {name: float(settings[name]) for name in ("min_pixels", "max_pixels", "fps")} == {
        "min_pixels": 1, "max_pixels": 3136, "fps": 1
    }  # fmt: skip
    assert settings["dtype"] == "float32"


CODE = """
from mma_bench.diagnosis import Part, about
FACTOR = 2

def scaled(value):
    return FACTOR * value

class Own(Part):
    name = "own"
    help = "what it measures"
    columns = {"right": "float64"}

    def measure(self, subject):
        for case in subject.answerable:
            yield {**about(case, subject), "right": scaled(1.0)}

    def numbers(self, measured):
        return []
"""


def own(*changes: tuple[str, str]) -> type[Part]:
    """The part of `CODE` after some changes of the text."""
    code = CODE
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    module: dict[str, Any] = {"__name__": "own_part"}
    exec(compile(code, "own_part.py", "exec"), module)
    found: type[Part] = module["Own"]
    return found


def test_an_own_part_is_measured_again_if_the_code_that_measures_changed(tmp_path: Path) -> None:
    store, name = Store(tmp_path), "stimulus"
    store.put(own()(), name, [])
    for same in (
        (),
        ("return []", "return [1]"),
        ("what it measures", "what it is"),
        ("\n\nclass", "\n\n\n# why\nclass"),
    ):
        assert store.has(own(*([same] if same else []))(), name), same
    for other in (("scaled(1.0)", "scaled(-1.0)"), ("FACTOR = 2", "FACTOR = 3"), ("FACTOR *", "FACTOR +"),
                  ('"float64"}', '"float64", "more": "float64"}')):  # fmt: skip
        assert not store.has(own(other)(), name), other
    assert {code_of(kind) for kind in (Tokens, Attention, Lens)} == {""}


def test_the_lens_says_which_intervals_its_numbers_have(before: Path) -> None:
    number = Number("lens", HEARD, "misaligned", "visual", "right", -1, "", 0.5, 0.1, 0.9, 3)
    table = _table(Lens, open_diagnosis(before), [number])
    assert table is not None
    assert "Wilson" in table.caption
