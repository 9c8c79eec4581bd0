"""Each family with random weights: our answers against its official processor, `forward` and `generate`.

    .venv-official/bin/python scripts/official/family_parity.py --json FILE

The checkpoints are saved by transformers and loaded by their folder, as an evaluation does. "Official" is the text of a
conversation written by hand, the processor called on it, `generate`, and one pass per option. Each family is asked with
video and audio, with video alone, with audio alone and with neither. Gemma 3n needs timm.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, Reply, VideoStream
from mma_bench.models.omni.checkpoint import other_family
from mma_bench.models.omni.settings import parse_settings
from mma_bench.models.plain import PlainEngine, PlainFamily
from mma_bench.models.plain.loading import load_plain
from scripts.official.family_checkpoints import CHECKPOINTS, make

SECONDS = 1.6
FPS = 2.0
NEW_TOKENS = 6
OPTIONS = ("Cat", "Dog", "Church bell", "X")
QUESTIONS = [Asked(text, OPTIONS) for text in ("What is seen? One word.", "z" * 40, "Is a dog heard? Yes or no.", "?")]
STREAMS = {"both": (True, True), "video": (True, False), "audio": (False, True), "none": (False, False)}
NEAR_TIE = 1e-3


@dataclass(frozen=True)
class Row:
    """One family and choice of streams.

    Attributes:
        family: its name.
        streams: which streams are shown.
        tokens: tokens of the first prompt.
        passes: passes over the media for all questions.
        same_ids: whether the prompts have equal token ids.
        same_answers: whether the answers are equal, token for token.
        different_answers: number of different answers, so that equal ones show something.
        score_gap: largest difference of an option's log-likelihood.
        unshared: whether a pass per question gives the same answers.
    """

    family: str
    streams: str
    tokens: int
    passes: int
    same_ids: bool
    same_answers: bool
    different_answers: int
    score_gap: float
    unshared: bool


def media(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frames and samples."""
    random = np.random.default_rng(seed)
    frames = random.integers(0, 256, (round(SECONDS * FPS), 72, 96, 3), dtype=np.uint8)
    return frames, random.normal(0, 0.1, round(SECONDS * 16_000)).astype(np.float32)


def conversation(family: str, question: str, frames: int, audio: bool) -> str:
    """Return the text of a conversation, written by hand."""
    if family == "Gemma 4":
        shown = "<|video|>" * bool(frames) + "<|audio|>" * audio
        return f"<bos><|turn>user\n{shown}{question}<turn|>\n<|turn>model\n"
    if family == "Gemma 3n":
        shown = "<image_soft_token>" * frames + "<audio_soft_token>" * audio
        return f"<bos><start_of_turn>user\n{shown}{question}<end_of_turn>\n<start_of_turn>model\n"
    if family == "Phi-4-multimodal":
        shown = "<|image|>" * frames + "<|audio|>" * audio
        return f"<|user|>{shown}{question}<|end|><|assistant|>"
    shown = "<video>" * bool(frames) + "<so_embedding>" * audio
    return f"<|im_start|>user\n{shown}{question}<|im_end|>\n<|im_start|>assistant\n"


def official(engine: PlainEngine, family: str, question: str, frames: Any, samples: Any) -> dict[str, Any]:
    """Return the inputs of `generate`, made by the processor alone."""
    from PIL import Image
    from transformers.video_utils import VideoMetadata

    given: dict[str, Any] = {}
    if frames is not None and engine.prompts.frames_as == "video":
        indices = list(range(len(frames)))
        when = VideoMetadata(total_num_frames=len(frames), fps=FPS, frames_indices=indices)
        given |= {"videos": [torch.from_numpy(frames).permute(0, 3, 1, 2)], "do_sample_frames": False}
        given["video_metadata"] = when
    elif frames is not None:
        given["images"] = [[Image.fromarray(frame) for frame in frames]]
    if samples is not None:
        given |= {"audio": [samples], "sampling_rate": 16_000}
    shown = 0 if frames is None else len(frames)
    text = conversation(family, question, shown, samples is not None)
    processor = engine.family.processor
    return dict(processor(text=[text], return_tensors="pt", add_special_tokens=False, **given))


def generated(engine: PlainEngine, inputs: dict[str, Any]) -> tuple[int, ...]:
    """Return the answer of `generate`."""
    model, width = engine.family.model, inputs["input_ids"].shape[1]
    written = model.generate(**inputs, do_sample=False, max_new_tokens=NEW_TOKENS, eos_token_id=engine.stop_ids)
    ids = written[0, width:].tolist()
    ends = [place for place, token in enumerate(ids) if token in engine.stop_ids]
    return tuple(ids[: ends[0]] if ends else ids)


def likelihood(model: Any, engine: PlainEngine, inputs: dict[str, Any], option: str) -> float:
    """Return the log-likelihood of an option from one pass over prompt and option."""
    ids = torch.tensor([engine.prompts.tokenizer(option, add_special_tokens=False)["input_ids"]])
    longer = dict(inputs)
    longer["input_ids"] = torch.cat([inputs["input_ids"], ids], dim=1)
    longer["attention_mask"] = torch.ones_like(longer["input_ids"])
    for name in ("token_type_ids", "mm_token_type_ids"):
        if name in inputs:
            longer[name] = torch.cat([inputs[name], torch.zeros_like(ids)], dim=1)
    with torch.inference_mode():
        logits = model(**longer).logits[0, -ids.shape[1] - 1 : -1]
    return float(logits.float().log_softmax(-1).gather(1, ids[0, :, None]).sum())


def compare(family: str, engine: PlainEngine, kind: str) -> Row:
    """Compare our answers to all questions with the official ones."""
    frames, samples = media(1)
    sees, hears = STREAMS[kind]
    shown = frames if sees else None, samples if hears else None
    before = engine.passes
    replies = ask(engine, *shown)
    passes = engine.passes - before
    engine.family.prepare(video=sees, audio=hears)
    inputs = [official(engine, family, question.prompt, *shown) for question in QUESTIONS]
    own = engine.prompts.media(*streams(*shown))
    same_ids = all(
        torch.equal(one["input_ids"], engine.prompts.inputs(own, question.prompt)["input_ids"])
        for one, question in zip(inputs, QUESTIONS, strict=True)
    )
    expected = [generated(engine, one) for one in inputs]
    gaps = [
        abs(reply.option_scores[option] - likelihood(engine.family.model, engine, one, option))
        for reply, one, question in zip(replies, inputs, QUESTIONS, strict=True)
        for option in question.options
    ]
    alone = PlainEngine(unshared(engine.family), engine.settings)
    return Row(
        family=family,
        streams=kind,
        tokens=int(inputs[0]["input_ids"].shape[1]),
        passes=passes,
        same_ids=same_ids,
        same_answers=[reply.token_ids for reply in replies] == expected,
        different_answers=len(set(expected)),
        score_gap=max(gaps),
        unshared=[reply.token_ids for reply in ask(alone, *shown)] == expected,
    )


def streams(frames: Any, samples: Any) -> tuple[VideoStream | None, AudioStream | None]:
    """Return arrays as streams."""
    return (
        None if frames is None else VideoStream("video", lambda fps: frames),
        None if samples is None else AudioStream("audio", lambda: samples),
    )


def ask(engine: PlainEngine, frames: Any, samples: Any) -> list[Reply]:
    """Return our answers."""
    return engine.answer(*streams(frames, samples), QUESTIONS)


def unshared(family: PlainFamily) -> PlainFamily:
    """Return a family that reads the media once per question."""
    kind = type(type(family).__name__, (type(family),), {"shares_media": False})
    found = object.__new__(kind)
    vars(found).update(vars(family))
    return found


def load(folder: Path, **more: str) -> tuple[PlainEngine, dict[str, str]]:
    """Load a checkpoint as an evaluation does."""
    usual = {"dtype": "float32", "max_new_tokens": str(NEW_TOKENS), "fps": str(FPS)}
    settings = parse_settings({**usual, **more})
    return load_plain(str(folder), str(other_family(str(folder), settings)), settings)


def gain(folder: Path, work: Path, value: float) -> list[tuple[int, ...]]:
    """Return the answers with the heads of the first layer scaled."""
    gains = {"format": "mma-bench head gain", "gains": [{"layer": 0, "head": head, "gain": value} for head in range(4)]}
    file = work / f"gain-{value:g}.json"
    file.write_text(json.dumps(gains))
    engine, _ = load(folder, head_gain=str(file), score_options="false")
    return [reply.token_ids for reply in ask(engine, *media(1))]


def adapter_gap(family: str, engine: PlainEngine, folder: Path) -> float:
    """Return how far the likelihoods with an adapter are from those of weights to which it was added by hand."""
    from safetensors.torch import load_file
    from transformers import Phi4MultimodalForCausalLM

    gaps = []
    for kind, adapter in {"both": "vision", "video": "vision", "audio": "speech"}.items():
        model = Phi4MultimodalForCausalLM.from_pretrained(folder, dtype="float32").eval()
        stored = load_file(folder / f"{adapter}-lora" / "adapter_model.safetensors")
        for name, value in stored.items():
            if "lora_A" in name:
                delta = stored[name.replace("lora_A", "lora_B")] @ value * 2  # alpha is twice the rank
                path = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                model.get_submodule(path).weight.data += delta
        sees, hears = STREAMS[kind]
        frames, samples = media(1)
        shown = frames if sees else None, samples if hears else None
        inputs = official(engine, family, QUESTIONS[0].prompt, *shown)
        engine.family.prepare(video=sees, audio=hears)
        here = likelihood(engine.family.model, engine, inputs, OPTIONS[0])
        gaps.append(abs(here - likelihood(model, engine, inputs, OPTIONS[0])))
    return max(gaps)


def family_rows(family: str, folder: Path, work: Path) -> tuple[list[Row], dict[str, Any]]:
    """Compare one family, and return what else was found of it."""
    engine, identity = load(folder)
    rows = [compare(family, engine, kind) for kind in STREAMS]
    found: dict[str, Any] = {"identity": identity}
    try:
        plain = [reply.token_ids for reply in ask(engine, *media(1))]
        found["gain 1 changes nothing"] = gain(folder, work, 1.0) == plain
        found["gain 0 changes answers"] = gain(folder, work, 0.0) != plain
    except Exception as error:
        found["head gain"] = str(error)
    if "adapters" in identity:
        found["gap to adapters added by hand"] = adapter_gap(family, engine, folder)
    try:
        engine.answer(None, AudioStream("long", lambda: np.zeros(16_000 * 31, np.float32)), QUESTIONS[:1])
        found["31 s of audio"] = "answered"
    except Exception as error:
        found["31 s of audio"] = str(error)
    return rows, found


def main() -> None:
    """Run all families, and print one line of JSON."""
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
            more, found[family] = family_rows(family, folder, Path(work))
            rows += more
    options.json.write_text(json.dumps({"rows": [asdict(row) for row in rows], "found": found}, indent=1))


if __name__ == "__main__":
    main()
