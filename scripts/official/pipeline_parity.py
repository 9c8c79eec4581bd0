"""The official pipeline of each Omni family against ours: ids, pixels, spectrum, positions, greedy answers.

    .venv-official/bin/python scripts/official/pipeline_parity.py CLIPS.npz --json FILE

CLIPS.npz holds `NAME/FPS/frames` (uint8, [frames, height, width, 3], RGB) and `NAME/audio` (float32, [samples], 16 kHz,
mono). Each clip is asked about with both streams, with the video alone and with the audio alone. "Official" is the
model's processor of transformers with its own video processor (torchvision), feature extractor and tokenizer, followed
by `generate`. Weights are random: what is compared does not depend on their values.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mma_bench.models.omni import Asked, AudioStream, EncodeOnce, Settings, VideoStream
from mma_bench.models.omni.frames import to_patches
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.models.omni.sound import log_mel

FAMILIES = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")
STREAMS = ("both", "video", "audio")
NEW_TOKENS = 6
PROMPT = (
    "Which class best describes the audio content of this video? Options: Cat, Dog. Answer using a single class name."
)


@dataclass(frozen=True)
class Row:
    """One clip, family, frame rate and choice of streams. Gaps are the largest absolute differences.

    Attributes:
        tokens: tokens of the prompt.
        same_ids: whether the token ids are equal.
        same_grid: whether the video has the same number of patches.
        pixel_levels: gap of the pixels, in levels of 255; 0 without a video.
        spectrum_gap: gap of the log-mel spectrum; 0 without audio.
        position_gap: gap of the position ids of the part before the question.
        same_answer: whether the greedy answers are equal, token for token.
        margin: where they are not, by how much the official pipeline preferred its token at the first difference, in
            logits: greedy decoding of a near tie depends on the rounding of the last bit.
    """

    family: str
    clip: str
    streams: str
    fps: float
    tokens: int
    same_ids: bool
    same_grid: bool
    pixel_levels: float
    spectrum_gap: float
    position_gap: float
    same_answer: bool
    margin: float | None


class Family:
    """A model with random weights, our engine around it, and its official processor."""

    def __init__(self, name: str) -> None:
        self.thinker, self.tokenizer, self.extractor = random_thinker(name, Size(spread=0.25))
        self.frame_format = self.thinker.frame_format({}, 56 * 56, 168 * 168)
        self.processor = self._processor(name)

    def engine(self, fps: float) -> EncodeOnce:
        """Return our engine at a frame rate, with empty caches."""
        settings = Settings(fps=fps, max_new_tokens=NEW_TOKENS, score_options=False)
        return EncodeOnce(self.thinker, self.tokenizer, self.extractor, self.frame_format, settings)

    def _processor(self, name: str) -> Any:
        import transformers

        tokens, frames = self.thinker.media_tokens, self.frame_format
        names = {
            "image_token": "<|endoftext|>",
            "audio_token": tokens.audio,
            "video_token": tokens.video,
            "vision_bos_token": tokens.video_begin,
            "vision_eos_token": tokens.video_end,
            "audio_bos_token": tokens.audio_begin,
            "audio_eos_token": tokens.audio_end,
        }
        for attribute, token in names.items():
            setattr(self.tokenizer, attribute, token)
            setattr(self.tokenizer, f"{attribute}_id", self.tokenizer.convert_tokens_to_ids(token))
        size = {"shortest_edge": frames.min_pixels, "longest_edge": frames.max_pixels}
        looks = {
            "patch_size": frames.patch_size,
            "temporal_patch_size": frames.temporal_patch_size,
            "merge_size": frames.merge_size,
            "image_mean": list(frames.mean),
            "image_std": list(frames.std),
        }
        family = transformers.Qwen3OmniMoeProcessor if "Qwen3" in name else transformers.Qwen2_5OmniProcessor
        return family(
            image_processor=transformers.Qwen2VLImageProcessor(size=size, **looks),
            video_processor=transformers.Qwen2VLVideoProcessor(size=size, **looks),
            feature_extractor=self.extractor,
            tokenizer=self.tokenizer,
        )

    def official(self, frames: np.ndarray | None, samples: np.ndarray | None, fps: float) -> dict[str, Any]:
        """Return the official inputs of `generate` for one question."""
        tokens = self.thinker.media_tokens
        media = tokens.audio_begin + tokens.audio + tokens.audio_end if frames is None else ""
        if frames is not None:
            media = tokens.video_begin + tokens.video + tokens.video_end
        system = self.thinker.system_prompt
        turn = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
        text = f"{turn}<|im_start|>user\n{media}{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
        given: dict[str, Any] = {}
        if frames is not None:
            size = {"shortest_edge": self.frame_format.min_pixels, "longest_edge": self.frame_format.max_pixels}
            given |= {"videos": [torch.from_numpy(frames).permute(0, 3, 1, 2)], "fps": fps, "size": size}
        if samples is not None:
            given["audio"] = [samples]
        if frames is not None and samples is not None:
            config = self.thinker.config
            given |= {
                "audio_from_video_indices": [0],
                "load_audio_from_video": True,
                "position_id_per_seconds": config.position_id_per_seconds,
            }
        return dict(self.processor(text=[text], return_tensors="pt", **given))


def compare(family: Family, clip: str, frames: np.ndarray | None, samples: np.ndarray | None, fps: float) -> Row:
    """Compare both pipelines on one input."""
    official = family.official(frames, samples, fps)
    ids = official["input_ids"]
    engine = family.engine(fps)
    video = VideoStream("video", lambda _: frames) if frames is not None else None
    audio = AudioStream("audio", lambda: samples) if samples is not None else None
    seen = engine._see(video) if video else None
    heard = engine._hear(audio) if audio else None
    order = np.full(len((seen or heard).tokens), seen is not None)
    if seen and heard:
        order = family.thinker.order(seen.grid, engine.seconds_per_grid, len(heard.tokens))
    prefix = engine.chat.media_prefix(order, video=seen is not None, audio=heard is not None)
    ours = [*prefix, *engine.chat.question(PROMPT)]
    same_ids = ids[0].tolist() == ours

    pixel_levels, same_grid = 0.0, True
    if frames is not None:
        patches = to_patches(frames, family.frame_format)
        same_grid = official["video_grid_thw"].tolist() == [list(patches.grid)]
        gap = (official["pixel_values_videos"] - patches.pixels).abs().max().item() if same_grid else float("inf")
        pixel_levels = gap * 255 * min(family.frame_format.std)
    spectrum_gap = 0.0
    if samples is not None:
        spectrum = log_mel(samples, family.extractor, silence_follows=family.thinker.silence_follows_sound)
        expected = official["input_features"][0][:, official["feature_attention_mask"][0].bool()]
        same_shape = expected.shape == spectrum.shape
        spectrum_gap = (expected - spectrum).abs().max().item() if same_shape else float("inf")
    position_gap = positions_apart(family, engine, official, prefix, seen, heard) if same_ids else float("inf")
    (reply,) = engine.answer(video, audio, [Asked(PROMPT)])
    kind = "both" if seen and heard else "video" if seen else "audio"
    margin = difference(list(reply.token_ids), *generated(family, engine, official, kind))
    return Row(
        family=family.thinker.class_name[:9],
        clip=clip,
        streams=kind,
        fps=fps,
        tokens=ids.shape[1],
        same_ids=same_ids,
        same_grid=same_grid,
        pixel_levels=pixel_levels,
        spectrum_gap=spectrum_gap,
        position_gap=position_gap,
        same_answer=margin is None,
        margin=margin,
    )


def positions_apart(
    family: Family, engine: EncodeOnce, official: dict[str, Any], prefix: list[int], seen: Any, heard: Any
) -> float:
    """Return the largest difference of the position ids before the question."""
    mask = official.get("feature_attention_mask")
    seconds = official.get("video_second_per_grid")
    expected, _ = family.thinker.model.get_rope_index(
        official["input_ids"],
        video_grid_thw=official.get("video_grid_thw"),
        attention_mask=official["attention_mask"],
        use_audio_in_video=seen is not None and heard is not None,
        audio_seqlens=mask.sum(-1) if mask is not None else None,
        second_per_grids=torch.as_tensor(seconds) if seconds is not None else None,
    )
    ours = family.thinker.positions(torch.tensor([prefix]), seen, heard, engine.seconds_per_grid)
    return float((expected[..., : len(prefix)] - ours).abs().max())


def difference(ours: list[int], written: list[int], logits: list[torch.Tensor]) -> float | None:
    """Return the official margin at the first token that differs; None if the answers are equal."""
    if ours == written:
        return None
    place = next((at for at, pair in enumerate(zip(ours, written, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        place = min(len(ours), len(written))
    best = logits[place].topk(2).values
    return float(best[0] - best[1])


def generated(
    family: Family, engine: EncodeOnce, official: dict[str, Any], kind: str
) -> tuple[list[int], list[torch.Tensor]]:
    """Return the tokens that `generate` writes, up to the one that ends the answer, and the logits of each step."""
    ids = official["input_ids"]
    found = family.thinker.model.generate(
        **{name: value for name, value in official.items() if name != "mm_token_type_ids"},
        use_audio_in_video=kind == "both",
        do_sample=False,
        repetition_penalty=1.0,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=engine.answering.stop_ids,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    written = found.sequences[0, ids.shape[1] :].tolist()
    ends = [place for place, token in enumerate(written) if token in engine.answering.stop_ids]
    return written[: ends[0]] if ends else written, [step[0].float() for step in found.logits]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--json", type=Path, required=True, help="file for the rows")
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = np.load(given.clips)
    rows = []
    for name in FAMILIES:
        family = Family(name)
        for key in sorted(key for key in clips.files if key.endswith("/frames")):
            clip, fps, _ = key.split("/")
            frames, samples = clips[key], clips[f"{clip}/audio"]
            for kind in STREAMS:
                given_frames, given_samples = (
                    (None if kind == "audio" else frames),
                    (None if kind == "video" else samples),
                )
                with torch.inference_mode():
                    rows.append(compare(family, clip, given_frames, given_samples, float(fps)))
                print(rows[-1], flush=True)
    given.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
