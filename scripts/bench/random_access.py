"""One stimulus by its key: through the index, against scanning the tars for it.

    python scripts/bench/random_access.py --data mma-bench [--keys 30]

`scripts/bench/package.py --keep FOLDER` makes a dataset of real size. All ways read the video and the sound of the
same random stimuli, files in the cache. Scanning is what one does without an index: shard after shard until the key
comes, with `tarfile`, which jumps from header to header, and with webdataset, which reads all that lies between.
Through the index the hash of what was read is checked, once unless its file changes, so reading the same stimulus again
is a way of its own; reading the tables once is counted apart. A turn is one stimulus, read in all ways, the other way
round for every other stimulus (its first read through the index always comes before the second).
"""

import argparse
import os
import random
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
from mma_bench.files.hashing import sha256_bytes  # noqa: E402
from scripts.bench.result import Result, save  # noqa: E402
from scripts.bench.turns import Times, timed  # noqa: E402

FIRST, AGAIN = "index, hashes checked", "index, read before"
PLAIN, HASHED = "read alone", "read and SHA-256 alone"


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


def unchecked(data: Path) -> Callable[..., int]:
    """Return a reader through the index that checks no hash, but can call a function with each member."""
    rows = [row for path in (data / "index").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    places = {(row["key"], row["member"]): row for row in rows}

    def read(key: str, use: Callable[[bytes], object] = len) -> int:
        size = 0
        for member in ("flac", "mp4"):
            place = places[key, member]
            with open(data / place["shard"], "rb", buffering=0) as file:
                content = os.pread(file.fileno(), place["size"], place["offset"])
            use(content)
            size += len(content)
        return size

    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=30, help="stimuli, each a turn")
    parser.add_argument("--json", type=Path, help="file for the rows of the table")
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

    sides: dict[str, Callable[[str], int]] = {
        FIRST: checked,
        AGAIN: checked,
        PLAIN: plain,
        HASHED: lambda key: plain(key, sha256_bytes),
        "scan with tarfile": lambda key: by_tarfile(shards, key),
        "scan with webdataset": lambda key: by_webdataset(shards, key),
    }
    times = {name: Times() for name in sides}
    for turn, key in enumerate([*sorted(warm), *keys]):  # the first ones warm up
        others = [name for name in sides if name not in (FIRST, AGAIN)]
        for name in [FIRST, AGAIN, *others] if turn % 2 else [*others[::-1], FIRST, AGAIN]:
            size = timed(lambda name=name, key=key: sides[name](key), times[name] if key in keys else Times())
            if size != plain(key):
                raise SystemExit(f"{name}: other bytes of {key}")
    for name, found in times.items():
        print(f"  {name:<24} {1000 * found.processor_seconds:9.2f} ms of processor time per stimulus (median)")
    save(
        options.json,
        [
            Result.of("random_access", times, ours=FIRST, peer="scan with webdataset", limit=HASHED, aim="50"),
            Result.of("random_access", times, ours=FIRST, peer="scan with tarfile"),
            Result.of("random_access", times, ours=AGAIN, peer="scan with tarfile", limit=PLAIN, aim="50"),
        ],
    )


if __name__ == "__main__":
    main()
