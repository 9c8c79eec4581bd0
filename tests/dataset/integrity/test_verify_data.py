"""`mma-bench verify-data` names every kind of damage, and neither follows nor executes what a hostile tar says."""

import io
import json
import pickle
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from mma_bench.cli import main
from mma_bench.dataset.integrity import verify_data
from mma_bench.files.hashing import sha256_file
from mma_bench.schema import IndexEntry


@pytest.fixture
def copy(small_dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))


def verify(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["verify-data", str(path), *options])


def a_shard(folder: Path, config: str = "aligned") -> Path:
    return sorted((folder / "data" / config).glob("*.tar"))[0]


def members(shard: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(shard) as tar:
        return [(info.name, tar.extractfile(info).read()) for info in tar]


def write(shard: Path, content: list[tuple[str, bytes]]) -> None:
    with tarfile.open(shard, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in content:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def change_rows(path: Path, change: Callable[[list[dict]], list[dict]]) -> None:
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), path)


def test_a_sound_dataset(small_dataset: Path) -> None:
    result = verify(small_dataset)
    assert result.exit_code == 0, result.output
    assert result.output.strip().endswith("sound")
    assert json.loads(verify(small_dataset, "--json").output)["problems"] == []


def test_no_dataset_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "thesis.tex"):
        result = verify(path)
        assert result.exit_code == 2
        assert "is not a dataset" in result.stderr


def flip_a_byte(folder: Path) -> None:
    shard = a_shard(folder)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)


def truncate(folder: Path) -> None:
    shard = a_shard(folder)
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])


def swap_streams(folder: Path) -> None:
    """Whoever forges the tar, the index and the list of hashes still meets the hash in the table of stimuli."""
    shard, other = a_shard(folder), a_shard(folder, "frames_zeroed")
    content, black = members(shard), members(other)
    write(shard, [*content[:2], (content[2][0], black[2][1])])
    entries = pq.read_table(folder / "index" / "frames_zeroed.parquet").to_pylist()
    size, sha256 = entries[2]["size"], entries[2]["sha256"]
    change_rows(
        folder / "index" / "aligned.parquet",
        lambda rows: [*rows[:2], {**rows[2], "size": size, "sha256": sha256}, *rows[3:]],
    )
    forged = [
        f"{sha256_file(folder / line[66:])}  {line[66:]}\n" for line in (folder / "SHA256SUMS").read_text().splitlines()
    ]
    (folder / "SHA256SUMS").write_text("".join(forged))


def reverse_members(folder: Path) -> None:
    write(a_shard(folder), members(a_shard(folder))[::-1])


def double_members(folder: Path) -> None:
    write(a_shard(folder), members(a_shard(folder)) + members(a_shard(folder)))


def drop_a_member(folder: Path) -> None:
    write(a_shard(folder), members(a_shard(folder))[:-1])


def lie_in_the_json(folder: Path) -> None:
    content = members(a_shard(folder))
    stimulus = json.loads(content[1][1])
    stimulus["questions"][0]["answer"] = stimulus["questions"][0]["options"][-1]
    write(a_shard(folder), [content[0], (content[1][0], json.dumps(stimulus).encode()), content[2]])


def lie_in_the_clips(folder: Path) -> None:
    change_rows(folder / "metadata" / "clips.parquet", lambda rows: [{**rows[0], "audio_sha256": "0" * 64}, *rows[1:]])


def double_a_stimulus(folder: Path) -> None:
    change_rows(folder / "metadata" / "stimuli.parquet", lambda rows: [*rows, rows[0]])


def change_a_prompt(folder: Path) -> None:
    def change(rows: list[dict]) -> list[dict]:
        rows[0]["questions"][0]["prompt"] += " Say Dog."
        return rows

    change_rows(folder / "metadata" / "stimuli.parquet", change)


def claim_another_format(folder: Path) -> None:
    path = folder / "metadata" / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 3}))


def rename_a_column(folder: Path) -> None:
    path = folder / "metadata" / "clips.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns([n.replace("licence", "license") for n in table.column_names]), path)


def change_the_card(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        card = folder / "README.md"
        text = card.read_text()
        assert old in text
        card.write_text(text.replace(old, new))

    return change


def list_as_removed(folder: Path) -> None:
    clip = pq.read_table(folder / "metadata" / "clips.parquet").to_pylist()[0]["clip_id"]
    with open(folder / "removed_ids.txt", "a") as file:
        file.write(f"{clip}\n")


def append_behind_the_end(folder: Path) -> None:
    with open(a_shard(folder), "ab") as file:
        file.write(b"\0" * 512 + b"something else" + b"\0" * 498)


def add_a_file(folder: Path) -> None:
    (folder / "mma-bench.py").write_text("raise SystemExit")


def delete_a_shard(folder: Path) -> None:
    a_shard(folder).unlink()


@pytest.mark.parametrize(
    ("damage", "kinds"),
    [
        (flip_a_byte, {"wrong_hash"}),
        (truncate, {"truncated", "missing_member", "wrong_hash"}),
        (swap_streams, {"wrong_hash"}),
        (reverse_members, {"key_order", "wrong_index", "wrong_hash"}),
        (double_members, {"duplicate", "wrong_index", "wrong_hash"}),
        (drop_a_member, {"missing_member", "wrong_hash"}),
        (lie_in_the_json, {"wrong_json", "wrong_hash", "wrong_index"}),
        (lie_in_the_clips, {"wrong_hash"}),
        (double_a_stimulus, {"duplicate", "key_order", "wrong_hash", "wrong_card"}),
        (change_a_prompt, {"wrong_question", "wrong_json", "wrong_hash"}),
        (claim_another_format, {"wrong_format", "wrong_hash"}),
        (rename_a_column, {"wrong_column", "wrong_row", "unknown_clip", "wrong_card", "wrong_hash"}),
        (change_the_card("clips in", "clips of"), {"wrong_card", "wrong_hash"}),
        (change_the_card("dtype: video", "dtype: string"), {"wrong_card", "wrong_hash"}),
        (change_the_card("data/aligned/test-*.tar", "data/*.tar"), {"wrong_card", "wrong_hash"}),
        (list_as_removed, {"removed_clip", "wrong_hash"}),
        (append_behind_the_end, {"hidden_data", "wrong_hash"}),
        (add_a_file, {"unexpected_file"}),
        (delete_a_shard, {"missing_file", "missing_member"}),
    ],
)
def test_damage_is_named(copy: Path, damage: Callable[[Path], None], kinds: set[str]) -> None:
    damage(copy)
    result = verify(copy, "--json")
    assert result.exit_code == 1
    found = {problem["kind"] for problem in json.loads(result.output)["problems"]}
    assert found == kinds


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return exec, (f"open({str(self.target)!r}, 'w').write('boom')", "")


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info.tobuf(tarfile.GNU_FORMAT)


def test_hostile_tars_are_named_and_never_executed(copy: Path, tmp_path: Path) -> None:
    shard = a_shard(copy)
    good = shard.read_bytes().rstrip(b"\0")
    good += b"\0" * (-len(good) % 512)
    bomb = pickle.dumps(Bomb(tmp_path / "boom"))
    pad = b"\0" * (-len(bomb) % 512)
    key = members(shard)[0][0].split(".")[0]
    hostile = (
        header(f"{key}.pkl", len(bomb)) + bomb + pad
        + header("../../evil.mp4", 0)
        + header("/etc/cron.d/evil.json", 0)
        + header(f"{key}x.mp4", 0, tarfile.SYMTYPE, "/etc/passwd")
        + header("pax", 512, tarfile.XHDTYPE) + b"\0" * 512
        + header(f"{key}\x1b[2J.exe", 0)
    )  # fmt: skip
    shard.write_bytes(good + hostile + header(f"{key}y.mp4", 2**31))  # announces 2 GB, then the file ends
    problems = [problem for problem in verify_data(copy) if problem.where == shard.relative_to(copy).as_posix()]
    kinds = [problem.kind for problem in problems]
    assert kinds == [
        "pickle_member",
        "unsafe_name",
        "unsafe_name",
        "special_member",
        "special_member",
        "unexpected_member",
        "truncated",
        "wrong_hash",
    ]
    assert not (tmp_path / "boom").exists()
    assert "\x1b" not in verify(copy).output
    with open(shard, "r+b") as file:  # the same with the 2 GB there: stepped over, not read into memory
        file.truncate(len(good) + len(hostile) + 512 + 2**31 + 1024)
    assert "oversized_member" in {problem.kind for problem in verify_data(copy)}


def test_an_index_of_another_shard_and_tables_that_are_no_tables(copy: Path) -> None:
    change_rows(
        copy / "index" / "aligned.parquet",
        lambda rows: [{**rows[0], "shard": "../../etc/passwd"}, *rows[1:]],
    )
    (copy / "metadata" / "clips.parquet").write_bytes(b"PAR1 not really PAR1")
    (copy / "README.md").write_text("---\na: [\n---\n")
    (copy / "metadata" / "provenance.json").write_text("[" * 100_000)
    kinds = {problem.kind for problem in verify_data(copy)}
    assert {"unreadable_table", "wrong_row", "wrong_index", "wrong_card", "wrong_provenance"} <= kinds
    assert set(IndexEntry.model_fields) == set(pq.read_table(copy / "index" / "aligned.parquet").column_names)
