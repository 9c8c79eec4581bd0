"""One stimulus by its key: through the index, against scanning the tars for it.

    python scripts/bench/random_access.py --data mma-bench [--keys 30]

`scripts/bench/package.py --keep FOLDER` makes a dataset of real size. All ways read the video and the sound of the
same random stimuli, files in the cache. Scanning is what one does without an index: shard after shard until the key
comes, with `tarfile`, which jumps from header to header, and with webdataset, which reads all that lies between.
Through the index the hash of what was read is checked, once unless its file changes, so the second turn of the same
stimuli has a line of its own; reading the tables once is counted apart.
"""

import argparse
import os
import random
import statistics
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import pyarrow.parquet as pq  # noqa: E402
import webdataset as wds  # noqa: E402

import mma_bench  # noqa: E402


def by_tarfile(shards: list[Path], key: str) -> int:
    """Walk the headers until both members were found; return their bytes."""
    found = 0
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name in (f"{key}.flac", f"{key}.mp4"):
                    found += len(tar.extractfile(member).read())  # type: ignore[union-attr]
                if member.name == f"{key}.mp4":
                    return found
    raise SystemExit(f"{key} is in no shard")


def by_webdataset(shards: list[Path], key: str) -> int:
    """Read samples until the right one comes; return the bytes of its members."""
    for sample in wds.WebDataset([str(shard) for shard in shards], shardshuffle=False, empty_check=False):
        if sample["__key__"] == key:
            return len(sample["flac"]) + len(sample["mp4"])
    raise SystemExit(f"{key} is in no shard")


def unchecked(data: Path) -> Callable[[str], int]:
    """Return a reader through the index that checks no hash."""
    rows = [row for path in (data / "index").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    places = {(row["key"], row["member"]): row for row in rows}

    def read(key: str) -> int:
        size = 0
        for member in ("flac", "mp4"):
            place = places[key, member]
            with open(data / place["shard"], "rb", buffering=0) as file:
                size += len(os.pread(file.fileno(), place["size"], place["offset"]))
        return size

    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=30)
    options = parser.parse_args()
    before = time.process_time()
    samples = mma_bench.load(options.data).samples
    media = {sample.stimulus.key: sample.media for sample in samples}
    warm = set({sample.stimulus.condition: sample.stimulus.key for sample in samples}.values())  # one of each
    for key in warm:
        media[key].read_audio()  # reads the index of its configuration, and verifies what is not timed below
    left = sorted(media.keys() - warm)
    if not left:
        raise SystemExit(f"{options.data}: every stimulus was needed to read the tables; none is left to time")
    keys = random.Random(0).sample(left, min(options.keys, len(left)))
    print(f"reading the tables of {len(media)} stimuli once: {time.process_time() - before:.2f} s of processor time")
    shards = sorted((options.data / "data").rglob("*.tar"))
    plain = unchecked(options.data)

    def checked(key: str) -> int:
        return len(media[key].read_audio()) + len(media[key].read_video())

    ways = ("index, hashes checked", "index, read before", "index, unchecked")
    sides: dict[str, Callable[[str], int]] = {
        "index, hashes checked": checked,
        "index, read before": checked,
        "index, unchecked": plain,
        "scan with tarfile": lambda key: by_tarfile(shards, key),
        "scan with webdataset": lambda key: by_webdataset(shards, key),
    }
    cost: dict[str, float] = {}
    for name, read in sides.items():
        times = []
        for key in keys:
            begin = time.process_time()
            size = read(key)
            times.append(1000 * (time.process_time() - begin))
            if size != plain(key):
                raise SystemExit(f"{name}: other bytes of {key}")
        cost[name] = statistics.mean(times)
        print(f"  {name:<24} {cost[name]:9.2f} ms of processor time a stimulus (median {statistics.median(times):.2f})")
    for name in ("scan with tarfile", "scan with webdataset"):
        ratios = [f"{cost[name] / cost[way]:.1f} times ({way})" for way in ways]
        print(f"  {name}: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
