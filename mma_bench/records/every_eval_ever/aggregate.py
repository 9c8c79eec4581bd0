"""The aggregate record: who was asked what, how, and with which results."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mma_bench.evaluation.judge.prompt import judge_prompt
from mma_bench.evaluation.judge.record import Judge
from mma_bench.evaluation.rescoring import Rescored
from mma_bench.parsing import PARSER_VERSION
from mma_bench.records.columns import encodable
from mma_bench.records.every_eval_ever.identity import Identity, identity_of_judge
from mma_bench.records.every_eval_ever.results import Result, results
from mma_bench.schema import Modality

LIBRARY = "mma-bench"


def results_records(rescored: Rescored, dataset: dict[str, Any], timestamp: str) -> list[dict[str, Any]]:
    """Return the schema's `evaluation_results`."""
    shared = {
        "source_data": dataset,
        "evaluation_timestamp": timestamp,
        "generation_config": _generation(rescored),
    }
    return [
        {
            "evaluation_result_id": result.id,
            "evaluation_name": f"{LIBRARY}/{result.group}",
            "metric_config": _metric(result, rescored),
            "score_details": _score(result, rescored.run.mma_bench),
            **shared,
        }
        for result in results(rescored)
    ]


def dataset_record(rescored: Rescored, data: str) -> dict[str, Any]:
    """Return the schema's `source_data`.

    Args:
        rescored: the run.
        data: name of the dataset on the hub, or a folder, whose path is not published.
    """
    run = rescored.run
    details = {"stimuli_sha256": run.data_sha256, "split": run.split}
    if run.limit is not None:
        details["limit"] = f"{run.limit} stimuli per media condition"
    count = len(rescored.benchmark)
    if not Path(data).exists():
        return {
            "dataset_name": LIBRARY,
            "source_type": "hf_dataset",
            "hf_repo": data,
            "hf_split": run.split,
            "samples_number": count,
            "additional_details": details,
        }
    return {
        "dataset_name": LIBRARY,
        "source_type": "other",
        "additional_details": {**details, "questions": str(count)},
    }


def library_record(rescored: Rescored) -> dict[str, Any]:
    """Return the schema's `eval_library`: the evaluator, and all that decided how answers became numbers."""
    run, scores = rescored.run, rescored.scores
    protocol = run.asked
    details = {
        "protocol": f"{protocol.name} {protocol.version}",
        "protocol_sha256": protocol.sha256,
        "headline_wordings": ", ".join(scores.variants),
        "headline_average": protocol.average,
        "parser_version": PARSER_VERSION,
        "repeats": str(run.repeats),
        "missing_answers": str(scores.missing),
    }
    if rescored.notes:
        notes = "; ".join(rescored.notes)
        if run.judge:  # its title names the address of its server
            notes = notes.replace(run.judge.title, identity_of_judge(run.judge).title)
        details["notes"] = encodable(notes)
    return {"name": LIBRARY, "version": run.mma_bench, "additional_details": details}


def model_record(rescored: Rescored, identity: Identity) -> dict[str, Any]:
    """Return the schema's `model_info`: the model and what it recorded of itself."""
    engine = {}
    version = rescored.run.model_fingerprint.get("version transformers")
    if version and rescored.run.model.startswith("transformers:"):  # the cascade only tokenizes with it
        engine["inference_engine"] = {"name": "transformers", "version": encodable(version)}
    return {**identity.record(_fingerprint(rescored)), **engine}


def _fingerprint(rescored: Rescored) -> dict[str, str]:
    """Return what the model recorded of itself, without its addresses and paths."""
    recorded = rescored.run.model_fingerprint
    return {
        encodable(name): encodable(value)
        for name, value in recorded.items()
        if name not in ("model", "url") and "://" not in value and not value.startswith(("/", "~"))
    }


def _metric(result: Result, rescored: Rescored) -> dict[str, Any]:
    macro = result.average == "macro"
    record: dict[str, Any] = {
        "evaluation_description": result.description,
        "metric_id": f"macro_{result.metric}" if macro else result.metric,
        "metric_name": result.metric.replace("_", " ").capitalize() + (" (mean over classes)" if macro else ""),
        "metric_kind": result.metric,
        "metric_unit": "proportion",
        "metric_parameters": {"average": result.average, "wordings": ", ".join(result.variants)},
        "lower_is_better": result.lower_is_better,
        "score_type": "continuous",
        "min_score": 0,
        "max_score": 1,
    }
    if judge := rescored.run.judge:
        record["llm_scoring"] = _scoring(judge, Modality(result.group.split("/")[1]))
    return record


def _scoring(judge: Judge, modality: Modality) -> dict[str, Any]:
    details = {"version": judge.version, "sha256": judge.sha256}
    return {
        "judges": [{"model_info": identity_of_judge(judge).record({}), "additional_details": details}],
        "input_prompt": judge_prompt("ANSWER", ["OPTION 1", "OPTION 2"], modality),
        "additional_details": {"scope": "only answers that no rule of the parser can read"},
    }


def _score(result: Result, version: str) -> dict[str, Any]:
    estimate = result.estimate
    uncertainty: dict[str, Any] = {"num_samples": result.answers}
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        uncertainty["confidence_interval"] = {
            "lower": _rounded(estimate.low),
            "upper": _rounded(estimate.high),
            "confidence_level": 0.95,
            "method": f"mma-bench {version}, clustered by clip: docs/evaluate.md, Scores, "
            + ("accuracy, macro" if result.average == "macro" else result.metric.removesuffix("_rate")),
        }
    return {"score": _rounded(estimate.value), "uncertainty": uncertainty, "details": result.details}


def _generation(rescored: Rescored) -> dict[str, Any]:
    run, protocol = rescored.run, rescored.run.asked
    recorded = run.model_fingerprint
    arguments: dict[str, Any] = {"prompt_template": protocol.wording.question}
    temperature = _number(recorded, "setting temperature")
    if temperature is None and recorded.get("decoding") == "greedy":
        temperature = 0.0
    if temperature is not None:
        arguments["temperature"] = temperature
    for name in ("setting max_tokens", "setting max_new_tokens"):
        longest = _number(recorded, name)
        if longest is not None and longest >= 1:
            arguments["max_tokens"] = int(longest)
    details = {
        "content_order": ", ".join(protocol.content_order),
        "frames_per_second": f"{protocol.frames_per_second:g}",
        "audio_rate": str(protocol.audio_rate),
        "decoding": protocol.decoding,
        "seed": str(protocol.seed),
    }
    return {"generation_args": arguments, "additional_details": details}


def _number(recorded: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(recorded[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _rounded(value: float) -> float:
    return round(value, 6)
