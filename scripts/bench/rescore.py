"""Time the re-scoring of a finished run: 100,000 stored answers of six conditions, 61 classes, chatter included.

    python scripts/bench/rescore.py [--answers 100000] [--option-scores] [--profile]

Writes a dataset of questions without media and a run into a temporary folder, then times what `mma-bench score` does
in a process of its own: read run and questions, read answers, parse, judge, analyse, write scores.json.
"""

import argparse
import cProfile
import json
import pstats
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mma_bench import __version__, prompts
from mma_bench.columns import arrow_schema
from mma_bench.evaluation.protocols import load_protocol
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, Run, StoredAnswer, begin_run
from mma_bench.hashing import sha256_bytes, sha256_file
from mma_bench.schema import CONDITIONS, PAPER_CONDITIONS, Modality, Question, Stimulus, Stream

CLASSES = [f"Class_{i}" if i % 3 else f"Long_class_name_{i}" for i in range(61)]
CHATTER = (
    "{0}",
    "{0}.",
    "The sound is of a {0}.",
    "{0} If you have any other questions about the audio content, feel free to ask.",
    "It is not a {1} but a {0}.",
    "I cannot hear anything.",
    "**Answer:** {0}\n\nThe clip shows {1}, yet one hears {0} number {2}.",
    "Based on frame {2}, the best class is {0}.",
)


def stream(clip: str, label: str | None, name: str) -> Stream:
    origin = "clip" if label else ("black" if name == "video" else "silence")
    return Stream(
        origin=origin,
        clip_id=clip if label else None,
        label=label,
        sha256=sha256_bytes(f"{clip}/{name}/{label}".encode()),
        seconds=10.0,
    )


def stimuli(clips: int) -> list[Stimulus]:
    generator = random.Random(0)
    labels = [generator.choice(CLASSES) for _ in range(clips)]
    found = []
    for condition in PAPER_CONDITIONS[:4]:
        for i, label in enumerate(labels):
            donor = (i + 7) % clips if condition == "misaligned" else i
            seen = None if condition == "frames_zeroed" else label
            heard = None if condition == "audio_removed" else labels[donor]
            key = f"{condition}_clip{i}_0"
            asked = [condition, *(PAPER_CONDITIONS[4:] if condition == "aligned" else ())]
            found.append(
                Stimulus(
                    key=key,
                    condition=condition,
                    split="test",
                    video=stream(f"clip{i}_0", seen, "video"),
                    audio=stream(f"clip{donor}_0", heard, "audio"),
                    seconds=10.0,
                    questions=[
                        question(key, name, modality, seen, heard, generator) for name in asked for modality in Modality
                    ],
                )
            )
    return found


def question(
    key: str, condition: str, modality: Modality, seen: str | None, heard: str | None, generator: random.Random
) -> Question:
    own, other = (seen, heard) if modality is Modality.VISUAL else (heard, seen)
    answer = own or other or CLASSES[0]
    distractor = other if other and other != answer else None
    prompt = prompts.question(modality, CLASSES)
    if condition == "misleading_caption":
        distractor = next(name for name in CLASSES if name != answer)
        prompt = prompts.with_caption(modality, CLASSES, distractor)
    if condition == "long_context":
        prompt = prompts.with_noise(prompt, prompts.random_letters(10_000, str(generator.random())), "after")
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompt,
        options=CLASSES,
        answer=answer,
        distractor=distractor,
        answerable=own is not None,
    )


def write(folder: Path, answers: int, *, option_scores: bool) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = stimuli(answers // (2 * len(PAPER_CONDITIONS)))
    data = folder / "mma-bench"
    (data / "metadata").mkdir(parents=True)
    table = pa.Table.from_pylist([row.model_dump(mode="json") for row in rows], schema=arrow_schema(Stimulus))
    pq.write_table(table, data / "metadata" / "stimuli.parquet", compression="zstd")
    fingerprint = {"model": "chatty", "setting fps": "2.0", "decoding": "greedy"}
    protocol = load_protocol("paper")
    run = Run(
        model="chatty",
        model_fingerprint=fingerprint,
        data=str(data),
        data_sha256=sha256_file(data / "metadata" / "stimuli.parquet"),
        split="test",
        conditions=sorted(set(PAPER_CONDITIONS) & CONDITIONS.keys()),
        limit=None,
        mma_bench=__version__,
        protocol=protocol,
        protocol_sha256=protocol.sha256,
    )
    out = folder / "run"
    begin_run(out, run, overwrite=False)
    keys, generator = AnswerKeys(fingerprint), random.Random(1)
    stored = []
    for row in rows:
        for asked in row.questions:
            said = asked.answer if generator.random() < 0.6 else generator.choice(CLASSES)
            text = generator.choice(CHATTER).format(said, generator.choice(CLASSES), generator.randrange(10_000))
            scores = {name: round(-5 * generator.random(), 6) for name in CLASSES} if option_scores else {}
            stored.append(StoredAnswer(keys.key(row, asked), asked.question_id, text, scores))
    AnswerStore(out).append(stored)
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--option-scores", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the data here, and use it if it is there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        run = folder / "run"
        if not run.exists():
            run = write(folder, arguments.answers, option_scores=arguments.option_scores)
        if arguments.profile:
            profile = cProfile.Profile()
            profile.enable()
            rescore(run).scores.to_json()
            profile.disable()
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            return
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "mma_bench", "score", str(run)], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        cells = json.loads((run / "scores.json").read_text())["cells"]
        print(f"{sum(cell['questions'] for cell in cells)} answers re-scored in {seconds:.1f} s")


if __name__ == "__main__":
    main()
