"""What tuning leaves of a model's language: prose and ordinary questions without a clip, before and after.

    python scripts/proof/language.py --before smol-omni/base --after tuned/merged [--after MORE] [--dtype bfloat16] \\
      [--text PROSE.md ...]

Prose: the share of tokens which the model would have said next, and its perplexity; of the language reference that
every Python carries, or of the files of `--text`, cut into passages. Questions: `mma_bench/smol_omni/knowledge.yaml`,
the half that smol-omni was not trained on; the answer must be the likeliest of four options, per token. Differences are
paired, by token and by question, with 95% intervals (Bonett and Price; passages and questions are the clusters). Works
for any checkpoint that `transformers:` loads. It prints a table, and writes nothing.
"""

import argparse
import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mma_bench import MMABenchError, models
from mma_bench.evaluation.statistics.estimate import Estimate
from mma_bench.evaluation.statistics.paired import paired_difference
from mma_bench.evaluation.statistics.share import share
from mma_bench.models.omni.encode_once import EncodeOnce
from mma_bench.smol_omni.knowledge import are_right, cut, long_reference, perplexity, read_knowledge, read_passages
from mma_bench.tuning.answers import AnswerLogits, answer_logits
from mma_bench.tuning.inputs import Inputs
from mma_bench.tuning.plain_text import read_text


@dataclass(frozen=True)
class Language:
    """What a model can do without media.

    Attributes:
        perplexity: of all passages.
        hits: whether each token of the prose is the likeliest, shape [tokens].
        passages: number of the passage of each token, shape [tokens].
        right: whether each ordinary question is answered rightly.
    """

    perplexity: float
    hits: list[bool]
    passages: list[int]
    right: list[bool]


def measured(checkpoint: str, dtype: str, prose: Sequence[str]) -> Language:
    """Measure a checkpoint on ``prose`` and on the questions."""
    engine = models.load(f"transformers:{checkpoint}", {"dtype": dtype}).engine
    passages = read_passages(engine.thinker, engine.chat, prose)
    _, kept = read_knowledge()
    return Language(
        perplexity(passages),
        [bool(hit) for one in passages for hit in one.hit],
        [number for number, one in enumerate(passages) for _ in one.hit],
        are_right(kept, functools.partial(texts, engine)),
    )


def texts(engine: EncodeOnce, pairs: list[tuple[str, str]]) -> AnswerLogits:
    """Return the predictions of the targets of questions without a clip."""
    batch = engine.conversation.batch([engine.conversation.whole(None, 0, *pair) for pair in pairs])
    device = engine.thinker.device
    embeddings = engine.thinker.embed(batch.ids.to(device))
    inputs = Inputs(embeddings, batch.positions.to(device), batch.kinds.to(device), batch.labels.to(device))
    return answer_logits(engine.thinker, inputs)


def shown(found: Estimate, signed: str = "") -> str:
    """Return an estimate in percent with its interval."""
    value, low, high = (100 * number for number in (found.value, found.low, found.high))
    return f"{value:{signed}.1f} [{low:{signed}.1f}, {high:{signed}.1f}]"


def passages_of(paths: Sequence[Path]) -> list[str]:
    """Return the passages of files of prose."""
    found = []
    for path in paths:
        parts = cut(read_text(path, f"--text {path}"))
        if not parts:
            raise MMABenchError(f"--text {path}: it is too short for one passage; take a longer text")
        found += parts
    return found


def main() -> None:
    """Measure all, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="checkpoint to compare with: a folder, or a name on the hub")
    parser.add_argument("--after", required=True, action="append", help="checkpoint after tuning; repeatable")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--text", type=Path, action="append", help="file of prose to measure with; repeatable")
    options = parser.parse_args()
    prose = passages_of(options.text) if options.text else long_reference()
    with torch.no_grad():
        before = measured(options.before, options.dtype, prose)
        found = {options.before: before} | {name: measured(name, options.dtype, prose) for name in options.after}
    if len({len(one.hits) for one in found.values()}) > 1:
        parser.error("these checkpoints have different tokenizers, so their tokens cannot be paired")
    print("| checkpoint | perplexity | next tokens right, % | change, points | questions right, % | change, points |")
    print("|---|---|---|---|---|---|")
    for name, one in found.items():
        numbers = list(range(len(one.right)))
        cells = [shown(share(one.hits, one.passages)), "", shown(share(one.right, numbers)), ""]
        if one is not before:
            cells[1] = shown(paired_difference(before.hits, one.hits, one.passages), "+")
            cells[3] = shown(paired_difference(before.right, one.right, numbers), "+")
        print(f"| {name} | {one.perplexity:.2f} | {' | '.join(cells)} |")
    print(f"\n{len(before.hits):,} tokens in {len(set(before.passages))} passages; {len(before.right)} questions")


if __name__ == "__main__":
    try:
        main()
    except (MMABenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
