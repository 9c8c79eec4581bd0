"""The instance records: one JSON line for each answer, with the rule that read it."""

import json
from collections.abc import Iterator
from typing import Any

from mma_bench.evaluation.judge.prompt import RULE as JUDGE_RULE
from mma_bench.evaluation.kinds import kind_of
from mma_bench.evaluation.rescoring import Rescored
from mma_bench.evaluation.store import StoredAnswer
from mma_bench.evaluation.verdict import Verdict
from mma_bench.files.hashing import sha256_bytes
from mma_bench.parsing import PARSER_VERSION, Outcome
from mma_bench.records.columns import encodable
from mma_bench.records.every_eval_ever.identity import identity_of_judge
from mma_bench.records.every_eval_ever.results import result_id
from mma_bench.records.questions import asked_clip


def sample_lines(rescored: Rescored, head: dict[str, str]) -> Iterator[str]:
    """Yield the lines, in the order of the questions, without line breaks at their ends.

    Args:
        rescored: the run.
        head: what all records begin with: schema version, evaluation id and model id.
    """
    for verdict in rescored.scores.verdicts:
        record = {**head, **_record(verdict, rescored)}
        # ASCII: a line separator inside an answer would end the line for readers that split at every one.
        yield json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _record(verdict: Verdict, rescored: Rescored) -> dict[str, Any]:
    question, stimulus = verdict.question, verdict.sample.stimulus
    result = result_id(verdict, rescored.scores)
    # A text schema has no place for media: their hashes come before the prompt, in the order in which a model
    # gets them. Without them two clips of one class would be one sample.
    media = f"<video sha256:{stimulus.video.sha256}>\n<audio sha256:{stimulus.audio.sha256}>\n"
    raw = media + encodable(question.prompt)
    reference = [encodable(question.answer)] if question.answerable else []
    hit = verdict.correct if question.answerable else verdict.outcome is Outcome.ABSTAINED
    stored = rescored.stored(verdict)
    return {
        "evaluation_name": f"mma-bench/{result.rpartition('/')[0]}",
        "evaluation_result_id": result,
        "sample_id": encodable(question.question_id),
        "sample_hash": sha256_bytes((raw + "".join(reference)).encode("utf-8")),
        "interaction_type": "single_turn",
        "input": {"raw": raw, "reference": reference, "choices": [encodable(name) for name in question.options]},
        "output": {"raw": [encodable(verdict.text)], **_reasoning(stored)},
        "answer_attribution": [_attribution(verdict, rescored)],
        "evaluation": {"score": float(hit), "is_correct": hit},
        **_costs(stored),
        "metadata": _metadata(verdict, stored),
    }


def _reasoning(stored: StoredAnswer) -> dict[str, list[str]]:
    return {"reasoning_trace": [encodable(stored.reasoning)]} if stored.reasoning else {}


def _attribution(verdict: Verdict, rescored: Rescored) -> dict[str, Any]:
    judge = rescored.run.judge
    if verdict.rule == JUDGE_RULE and judge:
        method = f"llm_judge: {identity_of_judge(judge).id}, prompt version {judge.version}"
    else:
        method = f"custom: mma-bench parser {PARSER_VERSION}, rule {verdict.rule}"
    return {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": encodable(verdict.label if verdict.label is not None else str(verdict.outcome)),
        "extraction_method": encodable(method),
        "is_terminal": True,
    }


def _costs(stored: StoredAnswer) -> dict[str, Any]:
    """Return tokens and latency as far as they were recorded; the schema takes tokens only with their total."""
    taken, given = getattr(stored, "input_tokens", None), getattr(stored, "output_tokens", None)
    seconds = getattr(stored, "seconds", None)
    found: dict[str, Any] = {}
    if taken is not None and given is not None:
        found["token_usage"] = {"input_tokens": taken, "output_tokens": given, "total_tokens": taken + given}
    if seconds is not None:
        found["performance"] = {"latency_ms": round(1000 * seconds, 3)}
    return found


def _metadata(verdict: Verdict, stored: StoredAnswer) -> dict[str, str]:
    question, stimulus = verdict.question, verdict.sample.stimulus
    known = {
        "condition": question.condition,
        "modality": str(question.modality),
        "wording": question.variant,
        "level": None if stimulus.level is None else f"{stimulus.level:g}",
        "repeat": str(verdict.repeat),
        "answerable": "true" if question.answerable else "false",
        "clip_id": asked_clip(stimulus, question),
        "visual_class": stimulus.video.label,
        "audio_class": stimulus.audio.label,
        "distractor": question.distractor,
        "outcome": str(verdict.outcome),
        "verdict": str(kind_of(verdict)),
        "parser_version": PARSER_VERSION,
        "parser_rule": verdict.rule,
        "finish_reason": getattr(stored, "finish_reason", None),
        "served_by": getattr(stored, "served_by", None),
    }
    return {name: encodable(value) for name, value in known.items() if value is not None}
