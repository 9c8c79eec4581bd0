"""`select` at AudioSet's full scale, against the same filter written as a plain pandas apply.

    python scripts/bench/select_stage.py [--rows 2040000] [--peer-rows 100000] [--shared ../shared]
    python scripts/bench/select_stage.py --mix-labels     (nearly every row has labels of its own)

The list is made by repeating real rows of the evaluation and balanced lists under new ids. Both roads read it,
filter it and write two Parquet files; each runs in its own process, by turns. The peer runs on the first rows of the
list and its time is scaled per row (`--peer-rows 0`: all rows); both results for those rows are compared first.
Not called select.py: scripts in this folder could then not import Python's own module `select`.
"""

import argparse
import json
import os
import random
import resource
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from builder.select.decisions import Decision, decide_nodes  # noqa: E402
from builder.select.ontology import Ontology, read_ontology  # noqa: E402
from builder.select.rules import DEFAULT_RULES, read_rules  # noqa: E402
from scripts.bench.result import Result, add_arguments, save  # noqa: E402
from scripts.bench.turns import Side, alternate  # noqa: E402

COLUMNS = ["clip_id", "label", "reason", "detail", "source_label_ids"]


def make_list(target: Path, audioset: Path, rows: int, *, mix_labels: bool) -> None:
    """Repeat real rows under new ids; with ``mix_labels`` join the labels of two real rows in each."""
    rng = random.Random(0)
    alphabet = string.ascii_letters + string.digits + "-_"
    real = [
        line.rstrip("\n").split(", ", 1)[1].split(', "')
        for name in ("eval_segments.csv", "balanced_train_segments.csv")
        for line in (audioset / name).read_text().splitlines()[3:]
    ]
    with open(target, "w") as file:
        file.write("# Segments csv made for a measurement\n")
        file.write(f"# num_ytids={rows}, num_segs={rows}, num_unique_labels=527, num_positive_labels=0\n")
        file.write("# YTID, start_seconds, end_seconds, positive_labels\n")
        for at in range(rows):
            times, labels = real[at % len(real)]
            if mix_labels:
                labels = f"{rng.choice(real)[1][:-1]},{labels}"
            file.write(f'{"".join(rng.choices(alphabet, k=11))}, {times}, "{labels}\n')


def first_rows(source: Path, target: Path, rows: int) -> None:
    with open(source) as file, open(target, "w") as out:
        for _ in range(rows + 3):
            out.write(file.readline())


def ours(listing: Path, ontology_path: Path, out: Path) -> dict[str, float]:
    from builder.select.selection import select

    begin, cpu = time.perf_counter(), time.process_time()
    select(out, ontology_path=ontology_path, segment_paths=[listing])
    return {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - cpu}


def peer(listing: Path, ontology_path: Path, out: Path) -> dict[str, float]:
    """The filter as one would write it in a notebook: ancestors are looked up, everything else is row by row."""
    import pandas as pd

    ontology = read_ontology(ontology_path)
    decisions = decide_nodes(read_rules(DEFAULT_RULES), ontology)
    begin, cpu = time.perf_counter(), time.process_time()
    names = ["youtube_id", "start_seconds", "end_seconds", "labels"]
    frame = pd.read_csv(listing, skiprows=3, header=None, names=names, skipinitialspace=True)
    read = time.perf_counter()
    judged = frame.apply(lambda row: judge_row(row, ontology, decisions), axis=1)
    frame["label"], frame["reason"], frame["detail"], frame["source_label_ids"] = zip(*judged, strict=True)
    filtered = time.perf_counter()
    start_ms = (frame["start_seconds"] * 1000).round().astype(int).astype(str)
    frame["clip_id"] = frame["youtube_id"] + "_" + start_ms
    kept = frame["label"].notna()
    frame[kept].to_parquet(out)
    frame[~kept].to_parquet(out.with_suffix(".dropped.parquet"))
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "filter_seconds": filtered - read}


def judge_row(
    row: Any, ontology: Ontology, decisions: dict[str, Decision]
) -> tuple[str | None, str | None, str | None, list[str]]:
    labels = row["labels"].split(",")
    above = {ancestor for label in labels for ancestor in ontology.ancestors(label)}
    deciding = [label for label in dict.fromkeys(labels) if label not in above]
    classes = {decisions[label].label for label in deciding if decisions[label].label}
    kinds = {str(decisions[label].status) for label in deciding if not decisions[label].label}
    made = [(ontology.name(label), decisions[label]) for label in deciding]
    detail = "; ".join(f"{name} [{decision.label or decision.status}]" for name, decision in made)
    if len(classes) > 1:
        return None, "several_classes", detail, labels
    if classes and kinds:
        return None, "other_sound", detail, labels
    if kinds:
        return None, kinds.pop() if len(kinds) == 1 else "no_class", detail, labels
    return next(iter(classes)), None, None, labels


def run_in_process(road: str, listing: Path, ontology: Path, out: Path) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).resolve()), "--road", road, str(listing), str(ontology), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def same_result(first: Path, second: Path) -> int:
    """Return the number of rows, all of which have the same outcome on both roads."""
    import pandas as pd

    tables = []
    for path in (first, second):
        both = [pd.read_parquet(part) for part in (path, path.with_suffix(".dropped.parquet"))]
        table = pd.concat(both).reindex(columns=COLUMNS).sort_values("clip_id").reset_index(drop=True)
        table["source_label_ids"] = table["source_label_ids"].map(
            lambda ids: ids if isinstance(ids, str) else ",".join(ids)
        )
        table.loc[table["label"].notna(), "detail"] = None
        tables.append(table.astype(object).where(table.notna(), None))
    pd.testing.assert_frame_equal(tables[0], tables[1])
    return len(tables[0])


def measure(options: argparse.Namespace, folder: Path) -> list[Result]:
    audioset = options.shared / "data" / "audioset"
    ontology, full, sample = audioset / "ontology.json", folder / "full.csv", folder / "sample.csv"
    make_list(full, audioset, options.rows, mix_labels=options.mix_labels)
    peer_rows = min(options.peer_rows or options.rows, options.rows)
    first_rows(full, sample, peer_rows)
    run_in_process("ours", sample, ontology, folder / "check.parquet")
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    sides = (
        Side("ours", lambda: runs["ours"].append(run_in_process("ours", full, ontology, folder / "ours.parquet"))),
        Side("peer", lambda: runs["peer"].append(run_in_process("peer", sample, ontology, folder / "peer.parquet"))),
    )
    alternate(sides, options.turns, warm_up=0, budget=options.budget)
    compared = same_result(folder / "check.parquet", folder / "peer.parquet")
    print(f"{options.rows:,} segments, {full.stat().st_size / 2**20:.0f} MiB, {os.cpu_count()} cores, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}; results compared on {compared:,} rows: the same")
    scale = options.rows / peer_rows
    for side, found in runs.items():
        times = ", ".join(f"{run['seconds']:.1f} s ({run['cpu_seconds']:.1f} s of processor time)" for run in found)
        print(f"{side}: {times}; peak {max(run['peak_mib'] for run in found):.0f} MiB")

    def row(compared: str, above: str, below: str, aim: str) -> Result:
        ratios = [scale * theirs[above] / mine[below] for theirs, mine in zip(runs["peer"], runs["ours"], strict=True)]
        return Result.value("select_stage", compared, ratios, "processor" if "cpu" in below else "clock", aim)

    return [
        row("pandas apply / select", "cpu_seconds", "cpu_seconds", "aim 10"),
        row("the filter of the peer alone / all of select", "filter_seconds", "seconds", ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_040_000)
    parser.add_argument("--peer-rows", type=int, default=100_000, help="0: all")
    parser.add_argument("--mix-labels", action="store_true", help="join the labels of two rows: few sets repeat")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    add_arguments(parser, turns=3)
    parser.add_argument("--road", nargs=4, metavar=("ROAD", "LIST", "ONTOLOGY", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.road:
        road, listing, ontology, out = options.road
        result = {"ours": ours, "peer": peer}[road](Path(listing), Path(ontology), Path(out))
        result["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(result))
        return
    if not (options.shared / "data" / "audioset").is_dir():
        sys.exit(f"{options.shared}/data/audioset is not there: give the folder with AudioSet's lists as --shared")
    with tempfile.TemporaryDirectory() as folder:
        save(options.json, measure(options, Path(folder)))


if __name__ == "__main__":
    main()
