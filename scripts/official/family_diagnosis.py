"""Each family with random weights, seen from inside: what a diagnosis reads against transformers' own passes.

    .venv-official/bin/python scripts/official/family_diagnosis.py --json FILE

Attention masses are compared with the weights of an eager pass over the whole conversation, knock-out with the
mask that transformers itself hands to a layer, the lens with the hidden states of such a pass. The reach probe asks
each family. The checkpoints are saved by transformers and loaded by their folder. Gemma 3n needs timm, the probe av.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media as Files
from mma_bench.diagnosis.blocking import Blocking
from mma_bench.diagnosis.parts.attention import Masses
from mma_bench.diagnosis.plain_prompt import PlainSubject, require_readable
from mma_bench.diagnosis.subject import Case
from mma_bench.diagnosis.token_map import GROUPS, Group, TokenMap
from mma_bench.errors import MMABenchError
from mma_bench.models.plain import PlainEngine
from mma_bench.models.plain.inputs import Media
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question, Stimulus, Stream
from scripts.official.family_checkpoints import CHECKPOINTS, make

CLASSES = ["Church_bell", "Dog", "Dog bark", "Water"]
LABELS = ("Dog", "Water")
SECONDS = 1.6
LAST = -1
_LOWEST = torch.finfo(torch.float32).min


@dataclass(frozen=True)
class Row:
    """What was compared of one family, with one attention kernel.

    Attributes:
        family: its name.
        kernel: attention kernel that the diagnosis ran with.
        tokens: tokens of a prompt by group.
        attention_gap: largest difference of an attention mass, over layers, heads, groups and two sources.
        cut_gap: largest difference of a label's log-probability between a knock-out and an explicit mask.
        cut_effect: smallest change that such a mask makes, over the groups.
        lens_gap: largest difference of a log-probability, over layers and media tokens.
    """

    family: str
    kernel: str
    tokens: dict[str, int]
    attention_gap: float
    cut_gap: float
    cut_effect: float
    lens_gap: float


def misaligned() -> Stimulus:
    """Return a stimulus whose streams disagree, with its questions."""
    questions = []
    for modality, right, other in ((Modality.VISUAL, *LABELS), (Modality.AUDIO, *LABELS[::-1])):
        parts = prompts.standard(modality)
        questions.append(
            Question(
                question_id=f"a/misaligned/{modality}",
                condition="misaligned",
                modality=modality,
                prompt=prompts.render(parts, CLASSES),
                parts=parts,
                options=CLASSES,
                answer=right,
                distractor=other,
                answerable=True,
            )
        )
    video, audio = (
        Stream(origin="clip", clip_id=name, label=name, sha256="0" * 64, seconds=SECONDS) for name in LABELS
    )
    return Stimulus(
        key="a", split="test", condition="misaligned", video=video, audio=audio, seconds=SECONDS, questions=questions
    )


def subject_of(engine: PlainEngine, media: Media) -> PlainSubject:
    """Return the stimulus, with arrays in place of files."""
    told = misaligned()
    subject = PlainSubject(engine, Sample(told, told.questions, cast("Files", None)), {}, 0)
    vars(subject)["media"] = media
    return subject


def set_kernel(engine: PlainEngine, kernel: str) -> None:
    """Run the language model's attention by another kernel."""
    for config in {id(layer.self_attn.config): layer.self_attn.config for layer in engine.family.layers}.values():
        config._attn_implementation = {"": kernel}  # not those of encoders within it


def whole(engine: PlainEngine, media: Media, case: Case, label: str = "", **more: Any) -> Any:
    """Return what transformers' own pass over the whole conversation says, with eager attention and no cache."""
    inputs = engine.prompts.inputs(media, case.question.prompt)
    ids = inputs["input_ids"]
    after = torch.tensor([engine.prompts.option(label)[:LAST] if label else []], dtype=ids.dtype)
    for name, value in (("attention_mask", 1), ("token_type_ids", 0), ("mm_token_type_ids", 0)):
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], torch.full_like(after, value)], dim=1)
    inputs["input_ids"] = torch.cat([ids, after], dim=1)
    before = engine.family.layers[0].self_attn.config._attn_implementation
    set_kernel(engine, "eager")
    try:
        with torch.inference_mode():
            return engine.family.model(**inputs, use_cache=False, **more)
    finally:
        set_kernel(engine, before)


@contextmanager
def masked(engine: PlainEngine, layers: Collection[int], sources: np.ndarray, targets: np.ndarray) -> Iterator[None]:
    """Let no token of ``sources`` see one of ``targets``, by the mask that transformers itself hands to a layer."""

    def change(module: Any, arguments: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        blocked = torch.from_numpy(sources[:, None] & targets[None]) & ~torch.eye(len(sources)).bool()
        return arguments, {**named, "attention_mask": named["attention_mask"].masked_fill(blocked, _LOWEST)}

    chosen = [layer for number, layer in enumerate(engine.family.layers) if number in layers]
    handles = [layer.self_attn.register_forward_pre_hook(change, with_kwargs=True) for layer in chosen]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def outputs_of(modules: Iterable[torch.nn.Module], engine: PlainEngine, media: Media, case: Case) -> list[Any]:
    """Return what each of ``modules`` returns in a pass over the whole conversation.

    `output_attentions` and `output_hidden_states` would break the vision encoder of Phi-4-multimodal.
    """
    found: list[Any] = []
    handles = [module.register_forward_hook(lambda _, given, made: found.append(made)) for module in modules]
    whole(engine, media, case)
    for handle in handles:
        handle.remove()
    return found


def score(engine: PlainEngine, logits: torch.Tensor, first: int, label: str) -> float:
    """Return the log-probability of a label whose first token is predicted at ``first``."""
    ids = torch.tensor(engine.prompts.option(label))
    likely = logits[0, first : first + len(ids)].float().log_softmax(-1)
    return float(likely.gather(1, ids[:, None]).sum())


def attention_gap(engine: PlainEngine, media: Media, case: Case) -> float:
    """Return how far attention masses are from sums of the weights that eager attention returns."""
    masses = Masses(case)
    case.prompt.look(masses)
    found = case.prompt.map
    attentions = [
        made[1] for made in outputs_of([layer.self_attn for layer in engine.family.layers], engine, media, case)
    ]
    sources = ([found.answering], np.flatnonzero(found.of(Group.QUESTION)))
    gaps = []
    for layer, weights in zip(masses.by_group, attentions, strict=True):
        rows = weights[0].double().numpy()
        for number, taken in enumerate(sources):
            from_there = rows[:, taken].mean(axis=1)
            for code in range(len(GROUPS)):
                summed = from_there[:, found.codes == code].sum(axis=1)
                gaps.append(float(np.abs(layer[number, :, code] - summed).max()))
    return max(gaps)


def cuts(engine: PlainEngine, media: Media, case: Case, layers: Collection[int]) -> tuple[float, float]:
    """Return how far knock-out is from an explicit mask, and the smallest effect of such a mask."""
    found: TokenMap = case.prompt.map
    sources = np.arange(found.length - found.media_end) == case.prompt.answering
    gaps, effects = [], []
    for group in (Group.VIDEO, Group.AUDIO, Group.OPTION):
        cut = Blocking(layers, sources, found.of(group))
        before, after = case.prompt.read(LABELS, [None, cut])
        changes = []
        for place, label in enumerate(LABELS):
            more = len(engine.prompts.option(label)) - 1
            rows = np.concatenate([np.zeros(found.media_end, bool), sources, np.ones(more, bool)])
            columns = np.concatenate([found.of(group), np.zeros(more, bool)])
            plain = score(engine, whole(engine, media, case, label).logits, found.answering, label)
            with masked(engine, layers, rows, columns):
                expected = score(engine, whole(engine, media, case, label).logits, found.answering, label)
            gaps += [abs(before.scores[place] - plain), abs(after.scores[place] - expected)]
            changes.append(abs(expected - plain))
        effects.append(max(changes))
    return max(gaps), min(effects)


@torch.inference_mode()
def lens_gap(engine: PlainEngine, media: Media, case: Case) -> float:
    """Return how far the lens at media tokens is from states of the whole pass; after the last layer, from logits."""
    places = torch.from_numpy(np.flatnonzero(case.prompt.map.of(Group.VIDEO, Group.AUDIO)))
    found: list[torch.Tensor] = []
    case.prompt.read_media(lambda layer, hidden: found.append(case.prompt.lens(hidden[0, places]).log_softmax(-1)))
    states = outputs_of(engine.family.layers, engine, media, case)
    made = whole(engine, media, case)
    outputs = [engine.family.stream(state[0] if isinstance(state, tuple) else state) for state in states]
    expected = [engine.family.lens(state[0, places]).log_softmax(-1) for state in outputs[:LAST]]
    expected.append(made.logits[0, places].float().log_softmax(-1))
    return max(float((ours - theirs).abs().max()) for ours, theirs in zip(found, expected, strict=True))


def compare(family: str, engine: PlainEngine, media: Media, kernel: str) -> Row:
    """Compare one family with one kernel."""
    set_kernel(engine, kernel)
    require_readable(engine)
    case = subject_of(engine, media).cases[0]
    found, layers = case.prompt.map, len(engine.family.layers)
    gap, effect = cuts(engine, media, case, range(1, layers))
    return Row(
        family=family,
        kernel=kernel,
        tokens={str(group): int(found.of(group).sum()) for group in found.present},
        attention_gap=attention_gap(engine, media, case),
        cut_gap=gap,
        cut_effect=effect,
        lens_gap=lens_gap(engine, media, case),
    )


def reach(folder: Path) -> dict[str, Any]:
    """Return what the reach probe says of a checkpoint."""
    from mma_bench.models import load
    from mma_bench.probe import probe

    model = load(f"transformers:{folder}", {"dtype": "float32", "max_new_tokens": "3", "fps": "1"})
    return {one.modality: [str(one.verdict), one.reason] for one in probe(model).findings}


def main() -> None:
    """Run all families, and write one JSON file."""
    from scripts.official.family_parity import load, media, streams

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="file for the rows")
    parser.add_argument("--family", action="append", choices=list(CHECKPOINTS), help="only this family")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as work:
        for family in options.family or CHECKPOINTS:
            if family == "Gemma 3n" and not find_spec("timm"):
                found[family] = {"skipped": "needs timm"}
                continue
            folder = make(family, Path(work) / family.replace(" ", "-"))
            found[family] = {}
            try:
                engine, _ = load(folder)
                require_readable(engine)
                shown = engine.prompts.media(*streams(*media(1)))
                engine.family.prepare(video=True, audio=True)
                rows += [compare(family, engine, shown, kernel) for kernel in ("sdpa", "eager")]
            except MMABenchError as error:
                found[family]["diagnosis"] = str(error)
            found[family]["reach"] = reach(folder) if find_spec("av") else "needs av"
            print(family, found[family], *(row for row in rows if row.family == family), sep="\n", flush=True)
    options.json.write_text(json.dumps({"rows": [asdict(row) for row in rows], "found": found}, indent=1))


if __name__ == "__main__":
    main()
