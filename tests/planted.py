"""A dataset of questions without media, with the classes and lies that a test plants."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from mma_bench.dataset.columns import to_table
from mma_bench.files.hashing import sha256_bytes
from mma_bench.questions import prompts
from mma_bench.schema import Modality, Question, Stimulus, Stream


def stream(clip: str, label: str | None, name: str) -> Stream:
    """Return a clip's own stream, or black frames or silence where ``label`` is None."""
    origin = "clip" if label else ("black" if name == "video" else "silence")
    return Stream.model_validate(
        {
            "origin": origin,
            "clip_id": clip if label else None,
            "label": label,
            "sha256": sha256_bytes(f"{clip}/{name}/{label}".encode()),
            "seconds": 10.0,
        }
    )


def stimulus(
    key: str, condition: str, seen: str | None, heard: str | None, classes: Sequence[str], caption: str | None = None
) -> Stimulus:
    """Return a stimulus with its two questions, and with those of a misleading caption if one is given."""
    questions = []
    for modality in Modality:
        own, other = (seen, heard) if modality is Modality.VISUAL else (heard, seen)
        answer = own or other or classes[0]
        parts = prompts.standard(modality)
        asked = [(condition, other if other not in (None, answer) else None, parts)]
        if caption:
            asked.append(("misleading_caption", caption, prompts.captioned(parts, caption)))
        questions += [
            Question(
                question_id=f"{key}/{name}/{modality}",
                condition=name,
                modality=modality,
                prompt=prompts.render(parts, classes),
                parts=parts,
                options=list(classes),
                answer=answer,
                distractor=distractor,
                answerable=own is not None,
            )
            for name, distractor, parts in asked
        ]
    return Stimulus(
        key=key,
        condition=condition,
        split="test",
        video=stream(f"{key}-v", seen, "video"),
        audio=stream(f"{key}-a", heard, "audio"),
        seconds=10.0,
        questions=questions,
    )


def write(folder: Path, stimuli: Sequence[Stimulus]) -> Path:
    """Write the table of ``stimuli`` where a dataset has it, and return ``folder``."""
    (folder / "metadata").mkdir(parents=True)
    pq.write_table(to_table(Stimulus, list(stimuli)), folder / "metadata" / "stimuli.parquet")
    return folder
