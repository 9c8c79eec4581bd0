"""Records of Every Eval Ever: valid under the published schema, true to the scores, the same bytes every time."""

import hashlib
import importlib.util
import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from click.testing import CliRunner

import mma_bench
from mma_bench import MMABenchError
from mma_bench.cli import main
from mma_bench.evaluation import AnswerStore, rescore
from mma_bench.evaluation.judge.prompt import judge_prompt
from mma_bench.evaluation.judge.record import Judge, Replies, append_reply, write_judge
from mma_bench.records.every_eval_ever import Publisher, export_run
from mma_bench.records.every_eval_ever.aggregate import dataset_record
from mma_bench.records.every_eval_ever.identity import identity_of
from tests.conftest import tree
from tests.records.asked import Scripted, add_costs, protocol
from tests.records.conftest import COSTS, MISSING

PUBLISHED = Path(__file__).parent / "published"
US = Publisher(organization="Our \ud800 lab", relationship="third_party", timestamp=1_700_000_000)


@pytest.fixture(scope="module")
def out(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of the run."""
    folder = tmp_path_factory.mktemp("records")
    assert export_run(run, folder, publisher=US).missing == MISSING
    return folder


def strict(text: str) -> Any:
    """Read JSON as the data store does: no NaN, no name twice."""

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8")  # refuses escaped halves of surrogate pairs
    return json.loads(text, parse_constant=no_constant, object_pairs_hook=distinct)


def records(out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the one aggregate record below ``out``, and its samples."""
    (path,) = out.rglob("*.json")
    aggregate = strict(path.read_text(encoding="utf-8"))
    samples = out / aggregate["detailed_evaluation_results"]["file_path"]
    assert samples.parent == path.parent
    assert samples.name == f"{path.stem}_samples.jsonl"
    return aggregate, [strict(line) for line in samples.read_text(encoding="utf-8").splitlines()]


def check_schema(out: Path) -> None:
    """Check all records below ``out`` against the published schema files."""
    kinds = {}
    for suffix, name in ((".json", "eval"), (".jsonl", "instance_level_eval")):
        schema = json.loads((PUBLISHED / f"{name}.schema.json").read_text(encoding="utf-8"))
        kinds[suffix] = fastjsonschema.compile(schema, use_default=False)
    for path in out.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
            kinds[path.suffix](strict(part))


def test_records_are_valid_under_the_published_schema(out: Path) -> None:
    check_schema(out)
    broken, _ = records(out)
    del broken["evaluation_results"][0]["metric_config"]["lower_is_better"]
    schema = json.loads((PUBLISHED / "eval.schema.json").read_text(encoding="utf-8"))
    with pytest.raises(fastjsonschema.JsonSchemaValueException, match="lower_is_better"):
        fastjsonschema.compile(schema, use_default=False)(broken)


@pytest.mark.skipif(not importlib.util.find_spec("every_eval_ever"), reason="its package needs Python 3.12")
def test_records_pass_the_validator_of_the_data_store(out: Path) -> None:
    from every_eval_ever.validator.validation_core import validate_file

    files = frozenset(tree(out))
    for name in files:
        report = validate_file(
            out / name,
            repo_path=name,
            available_files=files,
            read_repo_file=lambda path: (out / path).read_text(encoding="utf-8"),
            run_semantic_checks=True,
        )
        assert report.valid, report.errors
        assert not report.warnings


def test_results_agree_with_the_scores(run: Path, out: Path) -> None:
    aggregate, samples = records(out)
    scores = rescore(run).scores
    results = {result["evaluation_result_id"]: result for result in aggregate["evaluation_results"]}
    assert len(results) == len(aggregate["evaluation_results"])
    for cell in scores.cells:
        metric = "accuracy" if cell.answerable else "abstention_rate"
        result = results[f"{cell.condition}/{cell.modality}/{metric}"]
        score, config = result["score_details"], result["metric_config"]
        if cell.answerable:
            assert config["metric_id"] == "macro_accuracy"  # the protocol's average
            bounds = cell.macro_accuracy, cell.macro_low, cell.macro_high
            interval = score["uncertainty"]["confidence_interval"]
            assert (score["score"], interval["lower"], interval["upper"]) == tuple(round(x, 6) for x in bounds)
            assert interval["confidence_level"] == 0.95
            assert "macro" in interval["method"]
        else:
            assert score["score"] == round(cell.abstention_rate, 6)
            named = results[f"{cell.condition}/{cell.modality}/hallucination_rate"]
            assert named["score_details"]["score"] == round(cell.hallucination_rate, 6)
            assert named["metric_config"]["lower_is_better"]
        assert score["uncertainty"]["num_samples"] == cell.questions
        assert score["details"]["clips"] == str(cell.clips)
        assert config["metric_parameters"]["wordings"] == "standard, shuffled_options_1"
    assert aggregate["eval_library"]["additional_details"]["missing_answers"] == str(MISSING)
    assert len(samples) == aggregate["detailed_evaluation_results"]["total_rows"] == len(scores.verdicts)


def test_samples_add_up_to_the_results_that_they_name(run: Path, out: Path) -> None:
    aggregate, samples = records(out)
    hits = defaultdict(list)
    for sample in samples:
        assert sample["evaluation_id"] == aggregate["evaluation_id"]
        assert sample["model_id"] == aggregate["model_info"]["id"]
        hits[sample["evaluation_result_id"]].append(sample["evaluation"]["score"])
        assert sample["evaluation"]["is_correct"] == bool(sample["evaluation"]["score"])
    results = {result["evaluation_result_id"]: result for result in aggregate["evaluation_results"]}
    assert set(hits) <= set(results)
    for name, values in hits.items():
        score = results[name]["score_details"]
        assert score["uncertainty"]["num_samples"] == len(values)
        if results[name]["metric_config"]["metric_parameters"]["average"] == "micro":
            assert score["score"] == pytest.approx(sum(values) / len(values), abs=1e-6)
        elif name.endswith("/accuracy"):
            assert float(score["details"]["accuracy"]) == pytest.approx(sum(values) / len(values), abs=1e-5)
    assert any(name.endswith("/none_present/accuracy") for name in hits)  # a wording outside the headline


def test_samples_say_how_each_answer_was_read(run: Path, out: Path) -> None:
    _, samples = records(out)
    verdicts = rescore(run).scores.verdicts
    for sample, verdict in zip(samples, verdicts, strict=True):
        (found,) = sample["answer_attribution"]
        version = mma_bench.parsing.PARSER_VERSION
        assert found["extraction_method"] == f"custom: mma-bench parser {version}, rule {verdict.rule}"
        assert found["extracted_value"] == (verdict.label or str(verdict.outcome))
        raw, reference = sample["input"]["raw"], sample["input"]["reference"]
        assert sample["sample_hash"] == hashlib.sha256((raw + "".join(reference)).encode()).hexdigest()
        assert reference == ([verdict.question.answer] if verdict.question.answerable else [])
        assert raw.endswith(verdict.question.prompt)
    hashes = defaultdict(set)
    for sample, verdict in zip(samples, verdicts, strict=True):
        hashes[sample["sample_hash"]].add((verdict.sample.stimulus.video.sha256, verdict.sample.stimulus.audio.sha256))
    assert {len(media) for media in hashes.values()} == {1}  # clips of one class differ


def test_no_path_or_address_of_the_machine_is_published(run: Path, asked: Path, out: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.json*"))
    for secret in (str(asked), str(run), "/home/me", "10.0.0.1", "~/weights"):
        assert secret not in text
    aggregate, _ = records(out)
    assert aggregate["model_info"]["additional_details"]["setting temperature"] == "0.7"
    arguments = aggregate["evaluation_results"][0]["generation_config"]["generation_args"]
    assert (arguments["temperature"], arguments["max_tokens"]) == (0.7, 64)
    assert aggregate["source_metadata"]["source_organization_name"] == "Our [U+D800] lab"


def test_a_dataset_of_the_hub_is_named(run: Path, out: Path) -> None:
    record = dataset_record(rescore(run), "lab/mma-bench")
    assert (record["source_type"], record["hf_repo"], record["hf_split"]) == ("hf_dataset", "lab/mma-bench", "test")
    aggregate, _ = records(out)
    assert aggregate["evaluation_results"][0]["source_data"]["source_type"] == "other"
    aggregate["evaluation_results"][0]["source_data"] = record
    schema = json.loads((PUBLISHED / "eval.schema.json").read_text(encoding="utf-8"))
    fastjsonschema.compile(schema, use_default=False)(aggregate)


def test_the_same_run_gives_the_same_bytes_and_others_are_kept(run: Path, out: Path, tmp_path: Path) -> None:
    place = tmp_path / "records"
    moved = tmp_path / "elsewhere"
    shutil.copytree(run, moved)
    head = json.loads((moved / "run.json").read_text())
    shutil.copytree(head["data"], tmp_path / "data")
    (moved / "run.json").write_text(json.dumps({**head, "data": str(tmp_path / "data")}))
    first = export_run(moved, place, publisher=US)
    assert tree(place) == tree(out)
    assert export_run(moved, place, publisher=US) == first
    assert tree(place) == tree(out)
    with pytest.raises(MMABenchError, match="another record of the same run"):
        export_run(moved, place, publisher=Publisher(organization="another"))
    assert tree(place) == tree(out)
    export_run(moved, place, publisher=Publisher(developer="another-lab"))
    assert len(tree(place)) == 4
    assert tree(out).items() <= tree(place).items()


def test_wrong_input_is_one_line_and_writes_nothing(run: Path, asked: Path, tmp_path: Path) -> None:
    class Nameless(Scripted):
        name = "own model"

    mma_bench.evaluate(Nameless(), asked, run=tmp_path / "own", protocol=protocol(), limit=1, progress=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    before = tree(tmp_path)
    for arguments, said in (
        (["own", "--out", "new"], "add --developer NAME"),
        (["own", "--out", "new", "--developer", "../.."], "--developer"),
        (["own", "--out", "new", "--developer", "con.x"], "--developer"),
        (["own", "--out", "new", "--developer", "lab", "--model-name", "/"], "--model-name"),
        (["own", "--out", "full", "--developer", "lab"], "not a folder of records"),
        (["full", "--out", "new"], "is not a run"),
        (["own", "--out", "new", "--developer", "lab", "--data", str(tmp_path)], "stimuli.parquet"),
    ):
        paths = [str(tmp_path / part) if part in ("own", "full", "new") else part for part in arguments]
        result = CliRunner().invoke(main, ["export-run", *paths])
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        assert said in result.stderr
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()
    result = CliRunner().invoke(
        main, ["export-run", str(tmp_path / "own"), "--out", str(tmp_path / "new"), "--developer", "l"]
    )
    assert result.exit_code == 0, result.stderr
    assert not result.stderr
    check_schema(tmp_path / "new")


def test_a_judge_is_named_where_it_read_an_answer(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    judge = Judge(model="openai:judge@http://10.0.0.1/v1", fingerprint={})
    write_judge(copy, judge)
    unread = rescore(copy).scores.unread
    asked = unread[0].question
    prompt = judge_prompt(unread[0].text, asked.options, asked.modality)
    append_reply(copy, Replies(judge, {}).key(prompt), "Dog")
    export_run(copy, tmp_path / "records", publisher=US)
    check_schema(tmp_path / "records")
    aggregate, samples = records(tmp_path / "records")
    read = [sample for sample in samples if sample["metadata"]["parser_rule"] == "judge"]
    assert 0 < len(read) < len(unread)
    for sample in read:
        (found,) = sample["answer_attribution"]
        assert found["extraction_method"].startswith("llm_judge: ")
        assert found["extracted_value"] == "Dog"
    scoring = aggregate["evaluation_results"][0]["metric_config"]["llm_scoring"]
    assert scoring["judges"][0]["model_info"]["id"] == "unspecified/judge"
    assert f"read {len(read)} answers" in aggregate["eval_library"]["additional_details"]["notes"]
    assert not any("10.0.0.1" in path.read_text(encoding="utf-8") for path in (tmp_path / "records").rglob("*.json*"))


def test_costs_are_in_the_samples_where_the_run_recorded_them(run: Path, tmp_path: Path) -> None:
    if "seconds" not in AnswerStore(run).read().popitem()[1].__slots__:
        pytest.skip("this version stores no costs")
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    add_costs(copy, COSTS)
    export_run(copy, tmp_path / "records", publisher=US)
    check_schema(tmp_path / "records")
    _, samples = records(tmp_path / "records")
    whole = [sample for sample in samples if "token_usage" in sample]
    assert [sample["token_usage"]["total_tokens"] for sample in whole] == [703]
    assert whole[0]["performance"] == {"latency_ms": 250.0}
    assert whole[0]["metadata"]["served_by"] == "fp_[U+D800]"
    assert whole[0]["output"]["reasoning_trace"] == ["hm[U+D800]"]


@pytest.mark.parametrize(
    ("model", "identity"),
    [
        ("cascade", ("mma-bench/cascade", "self_deployed", "open_weights")),
        ("baseline:visual-only", ("mma-bench/baseline-visual-only", "self_deployed", "unknown")),
        ("transformers:Qwen/Qwen2.5-Omni-7B", ("Qwen/Qwen2.5-Omni-7B", "self_deployed", "open_weights")),
        ("gemini:gemini-2.5-pro", ("google/gemini-2.5-pro", "externally_managed", "closed_weights")),
        ("openai:gpt-4o", ("openai/gpt-4o", "externally_managed", "closed_weights")),
        ("openai:Qwen/Q-7B@http://127.0.0.1:8000/v1", ("Qwen/Q-7B", "self_deployed", "unknown")),
        ("openai:Qwen/Q-7B@https://example.com/v1", ("Qwen/Q-7B", "unknown", "unknown")),
        ("transformers:/weights/tuned", (None, "self_deployed", "unknown")),
        ("openai:mine@http://localhost:1/v1", (None, "self_deployed", "unknown")),
    ],
)
def test_what_the_name_of_a_model_tells(model: str, identity: tuple[str | None, str, str]) -> None:
    if identity[0] is None:
        with pytest.raises(MMABenchError, match="--developer"):
            identity_of(model)
        found = identity_of(model, "lab")
        assert "/weights" not in found.title + found.id
        assert "localhost" not in found.title + found.id
    else:
        found = identity_of(model)
        assert found.id == identity[0]
    assert (found.deployment, found.availability) == identity[1:]
