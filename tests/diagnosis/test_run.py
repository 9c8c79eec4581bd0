"""The folder of a diagnosis: resumes, is the same again, refuses what is not its own.

The model is of a family that a package outside the repository declares, the one of docs/extending.md.
"""

import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from mma_bench import MMABenchError, evaluate, load, registry
from mma_bench.cli import main
from mma_bench.cli.list import KINDS
from mma_bench.diagnosis import PARTS, Found, diagnose
from mma_bench.diagnosis.parts.cohens_d import GROWTH
from mma_bench.diagnosis.parts.repair import CHOSEN
from mma_bench.diagnosis.run import chosen_parts
from mma_bench.models.omni.thinker import ARCHITECTURES
from tests.conftest import ROOT, tree
from tests.extension import declare, examples

OPTIONS = {"min_pixels": "1", "max_pixels": "3136", "dtype": "float32", "fps": "1"}
ASKED = {"condition": ("aligned", "misaligned"), "limit": 2, "options": OPTIONS, "progress": False, "seed": 2}


@dataclass(frozen=True)
class Resumed:
    """A diagnosis that was interrupted: its folder, the times of the tables that were left, what it found."""

    folder: Path
    kept: dict[Path, int]
    found: Found


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A family of models of an installed package: the name that its checkpoints give under `architectures`."""
    site = tmp_path_factory.mktemp("site")
    files = examples()
    points = tomllib.loads(files["my_extension/pyproject.toml"])["project"]["entry-points"]["mma_bench.architectures"]
    (site / "my_extension").mkdir()
    (site / "my_extension" / "__init__.py").touch()
    (site / "my_extension" / "family.py").write_text(files["my_extension/family.py"])
    declare(site, "my-extension", {"mma_bench.architectures": points})
    (name,) = points
    sys.path.insert(0, str(site))
    registry._declared.cache_clear()
    yield name
    sys.path.remove(str(site))
    registry._declared.cache_clear()
    forget(name)


def forget(family: str) -> None:
    """Leave nothing of the package imported, as in a new process."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    ARCHITECTURES._known.pop(family, None)
    CONFIG_MAPPING._extra_content.pop("my_omni", None)
    for module in ("my_extension", "my_extension.family"):
        sys.modules.pop(module, None)


@pytest.fixture(scope="module")
def checkpoint(demo: Path, family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights, which reads the words of the demo's questions as one token each."""
    from mma_bench.models.omni.random_weights import Size, random_thinker

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("omni")
    texts = [row.prompt for row in load(demo, condition="aligned", limit=1)]
    thinker, tokenizer, extractor = random_thinker(family, Size(spread=0.25), texts=texts)
    for part in (thinker.model, tokenizer, extractor):
        part.save_pretrained(folder)
    forget(family)
    return folder


@pytest.fixture(scope="module")
def finished(demo: Path, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole diagnosis, of all parts."""
    folder = tmp_path_factory.mktemp("diagnosis") / "x"
    diagnose(f"transformers:{checkpoint}", demo, run=folder, **ASKED)
    return folder


def test_the_folder_holds_a_table_per_part_a_page_and_figures(finished: Path) -> None:
    kinds = chosen_parts(None)
    assert [kind.name for kind in kinds] == list(PARTS)
    for kind in kinds:
        if kind.measures:
            assert pq.read_table(finished / f"{kind.name}.parquet").num_rows > 0, kind.name
    numbers = pq.read_table(finished / "estimates.parquet").to_pandas()
    assert set(numbers["part"]) == set(PARTS)
    page = (finished / "index.html").read_text(encoding="utf-8")
    for file in finished.glob("figures/*.png"):
        assert f'id="{file.stem}"' in page
        assert file.with_suffix(".pdf").is_file()
    assert len(list(finished.glob("figures/*.png"))) >= 1
    for picture in finished.glob("samples/*.png"):
        assert f'src="samples/{picture.name}"' in page


@pytest.fixture(scope="module")
def resumed(demo: Path, checkpoint: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """Some parts of the same diagnosis, next to the whole one; what a kill leaves are tables of some stimuli."""
    folder = tmp_path_factory.mktemp("resumed") / "again"
    shutil.copytree(finished / "measured" / "attention", folder / "measured" / "attention")
    shutil.copy(finished / "diagnosis.json", folder)
    measured = sorted(folder.glob("measured/*/*.parquet"))
    for path in measured[1::2]:
        path.unlink()
    kept = {path: path.stat().st_mtime_ns for path in measured[::2]}
    parts = ["cohens_d"]
    found = diagnose(f"transformers:{checkpoint}", demo, run=folder, against=finished, parts=parts, **ASKED)
    return Resumed(folder, kept, found)


def test_an_interrupted_diagnosis_resumes_and_ends_with_the_same_bytes(finished: Path, resumed: Resumed) -> None:
    assert {path: path.stat().st_mtime_ns for path in resumed.kept} == resumed.kept
    again = {name: content for name, content in tree(resumed.folder).items() if name.endswith("parquet")}
    del again["estimates.parquet"]  # of all parts there
    before = tree(finished)
    assert again == {name: before[name] for name in again}
    assert len(again) == 1 + 4, "one table, and one per stimulus"


def test_a_diagnosis_is_shown_next_to_another_and_compared_clip_by_clip(
    demo: Path, checkpoint: Path, finished: Path, resumed: Resumed, tmp_path: Path
) -> None:
    """Two diagnoses of one model: nothing grew."""
    growth = [number for number in resumed.found.numbers if number.quantity == GROWTH]
    assert {number.condition for number in growth} == {"aligned", "misaligned"}
    assert [number.value for number in growth] == [0.0] * len(growth)
    page = (resumed.folder / "index.html").read_text(encoding="utf-8")
    assert f"next to the diagnosis <strong>{finished.name}</strong>" in page
    name, asked = f"transformers:{checkpoint}", {**ASKED, "parts": ["cohens_d"]}
    with pytest.raises(MMABenchError, match="asked other questions"):
        diagnose(name, demo, run=tmp_path / "other", against=finished, **{**asked, "condition": "aligned"})
    with pytest.raises(MMABenchError, match="is not a diagnosis"):
        diagnose(name, demo, run=tmp_path / "other", against=tmp_path / "nowhere", **asked)
    assert not (tmp_path / "other").exists()


def test_a_family_from_outside_is_evaluated_with_the_gains_that_its_diagnosis_wrote(
    demo: Path, checkpoint: Path, finished: Path, family: str, tmp_path: Path
) -> None:
    assert json.loads((checkpoint / "config.json").read_text())["architectures"] == [family]
    assert json.loads((finished / "diagnosis.json").read_text())["model_fingerprint"]["architecture"] == family
    options = {**OPTIONS, "head_gain": str(finished / "head_gain_misaligned_visual.json"), "max_new_tokens": "2"}
    asked = {
        "condition": "misaligned",
        "limit": 2,
        "protocol": "paper",
        "probe": False,
        "progress": False,
        "allow_empty": True,
    }
    evaluate(f"transformers:{checkpoint}", demo, run=tmp_path / "run", options=options, **asked)
    answers = [json.loads(line) for line in (tmp_path / "run" / "answers.jsonl").read_text().splitlines()]
    scores = {answer["question_id"]: answer["option_scores"] for answer in answers}
    assert len(scores) == 4
    right = {q.question_id: q.answer for s in load(demo, condition="misaligned").samples for q in s.questions}
    table = pq.read_table(finished / "repair.parquet").to_pandas()
    table = table[(table["what"] == CHOSEN) & (table["modality"] == "visual")]
    assert len(table) == 1, "one clip of two verifies"
    for row in table.itertuples():
        assert scores[row.question_id][right[row.question_id]] == pytest.approx(row.right, abs=1e-3)
        assert abs(row.right - row.right_before) > 0.01
    (entry,) = [one for one in KINDS["architectures"]().entries if one.name == family]
    assert (entry.origin, entry.help) == ("my-extension", "MyOmni: Qwen2.5-Omni without a system message.")


def test_the_part_in_the_documentation_is_measured(demo: Path, checkpoint: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    code = page[page.index("## Your own part") :].partition("```python\n")[2].partition("```")[0]
    try:
        exec(compile(code, "own_part.py", "exec"), {"__name__": "own_part"})
        found = diagnose(f"transformers:{checkpoint}", demo, run=tmp_path / "x", parts=["confidence"], **ASKED)
    finally:
        PARTS._known.pop("confidence", None)
    (number,) = found.numbers
    assert (number.quantity, number.clips) == ("log p(right)", 2)
    assert number.value < 0
    assert pq.read_table(tmp_path / "x" / "confidence.parquet").num_rows == 8


def test_another_diagnosis_is_refused_and_nothing_is_lost(
    demo: Path, checkpoint: Path, finished: Path, tmp_path: Path
) -> None:
    before = tree(finished)
    name = f"transformers:{checkpoint}"
    for change in ({"seed": 3}, {"condition": "aligned"}, {"options": {**OPTIONS, "fps": "2"}}):
        with pytest.raises(MMABenchError, match=r"of another model, version, setting.* choose another --run"):
            diagnose(name, demo, run=finished, **{**ASKED, **change})
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(MMABenchError, match="exists and is not a diagnosis"):
        diagnose(name, demo, run=tmp_path, **ASKED)
    assert tree(finished) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "cascade"], "cascade cannot be diagnosed: only models of the family transformers"),
        (["--model", "transformers:CHECKPOINT", "--part", "atention"], "did you mean 'attention'"),
        (["--model", "transformers:CHECKPOINT", "--condition", "alined"], "did you mean 'aligned'"),
        (["--model", "transformers:CHECKPOINT/nowhere"], "there is no folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    demo: Path,
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    given = [argument.replace("CHECKPOINT", str(checkpoint)) for argument in arguments]
    with pytest.raises(SystemExit) as ended:
        main(["diagnose", *given, "--data", str(demo), "--run", str(tmp_path / "x"), "--dry-run"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line.replace("Did", "did")
    assert not (tmp_path / "x").exists()
