"""Time the re-scoring of a finished run: 100,000 stored answers by the protocol robust.

    python scripts/bench/rescore.py [--clips 667] [--repeats 3] [--option-scores] [--profile]

As many clips as the published benchmark has, 61 classes, 50 questions a clip in all wordings, three answers to each:
most are short, a third chatters, one in ten is like no other. Writes a dataset of questions without media and a run
into a temporary folder, then times `mma-bench score` in its own process: read run and questions, make the
protocol's questions, read answers, parse, judge, analyse, write scores.json.
"""

import argparse
import cProfile
import pstats
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mma_bench import __version__  # noqa: E402
from mma_bench.dataset.columns import to_table  # noqa: E402
from mma_bench.evaluation.protocols import load_protocol  # noqa: E402
from mma_bench.evaluation.rescoring import questions_of, rescore  # noqa: E402
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, Run, StoredAnswer, begin_run  # noqa: E402
from mma_bench.files.hashing import sha256_bytes, sha256_file  # noqa: E402
from mma_bench.questions import prompts  # noqa: E402
from mma_bench.schema import CONDITIONS, PAPER_CONDITIONS, Modality, Question, Stimulus, Stream  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate, ratio  # noqa: E402

CLASSES = [f"Class_{i}" if i % 3 else f"Long_class_name_{i}" for i in range(61)]
CHATTER = (
    *["{0}"] * 5,
    "{0}.",
    "The sound is of a {0}.",
    "{0} If you have any other questions about the audio content, feel free to ask.",
    "It is not a {1} but a {0}.",
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
    parts = prompts.standard(modality)
    if condition == "misleading_caption":
        distractor = next(name for name in CLASSES if name != answer)
        parts = prompts.captioned(parts, distractor)
    if condition == "long_context":
        parts = prompts.padded(parts, prompts.random_letters(10_000, str(generator.random())), "after")
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.render(parts, CLASSES),
        parts=parts,
        options=CLASSES,
        answer=answer,
        distractor=distractor,
        answerable=own is not None,
    )


def write(folder: Path, clips: int, repeats: int, *, option_scores: bool) -> Path:
    import pyarrow.parquet as pq

    rows = stimuli(clips)
    data = folder / "mma-bench"
    (data / "metadata").mkdir(parents=True)
    pq.write_table(to_table(Stimulus, rows), data / "metadata" / "stimuli.parquet", compression="zstd")
    fingerprint = {"model": "chatty", "setting fps": "2.0", "decoding": "greedy"}
    protocol = load_protocol("robust")
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
        repeats=repeats,
    )
    out = folder / "run"
    begin_run(out, run, overwrite=False)
    keys, generator = AnswerKeys(fingerprint), random.Random(1)
    stored = []
    for sample in questions_of(out, run).samples:
        for asked in sample.questions:
            for repeat, key in enumerate(keys.keys(sample.stimulus, asked, repeats)):
                said = asked.answer if generator.random() < 0.6 else generator.choice(CLASSES)
                text = generator.choice(CHATTER).format(said, generator.choice(CLASSES), generator.randrange(10**6))
                scores = {name: round(-5 * generator.random(), 6) for name in asked.options} if option_scores else {}
                stored.append(StoredAnswer(key, asked.question_id, text, scores, repeat=repeat))
    AnswerStore(out).append(stored)
    return out


def score(run: Path) -> None:
    subprocess.run([sys.executable, "-m", "mma_bench", "score", str(run)], check=True, stdout=subprocess.DEVNULL)


def read_alone(run: Path) -> None:
    """Read the answers as JSON in a process of its own, and do nothing with them."""
    code = "import json, sys; [json.loads(line) for line in open(sys.argv[1], 'rb')]"
    subprocess.run([sys.executable, "-c", code, str(run / "answers.jsonl")], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=667)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--option-scores", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the data here, and use it if it is there")
    add_arguments(parser, turns=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        run = folder / "run"
        if not run.exists():
            run = write(folder, arguments.clips, arguments.repeats, option_scores=arguments.option_scores)
        if arguments.profile:
            profile = cProfile.Profile()
            profile.enable()
            rescore(run).scores.to_json()
            profile.disable()
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
            return
        sides = (Side("score", lambda: score(run)), Side("read", lambda: read_alone(run)))
        times = alternate(sides, arguments.turns, budget=arguments.budget)
        answers = (run / "answers.jsonl").read_bytes().count(b"\n")
        print(f"{answers} answers re-scored in {times['score'].spread} s")
        seconds = [100_000 / answers * spent for spent in times["score"].processor]
        share, _, _ = ratio(times, "read", "score", by_clock=False)
        limit = f"reading the JSON alone: {share:.0%} of ours; aim: under 10"
        save(arguments.json, [Result.value("rescore", "seconds per 100,000 answers", seconds, "processor", limit)])


if __name__ == "__main__":
    main()
