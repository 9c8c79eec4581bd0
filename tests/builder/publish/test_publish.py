"""`python -m builder publish` with the real client against a hub on loopback, and loading from there."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.builder.publish.hub_server import TOKEN, Hub
from tests.conftest import ROOT, run_builder, tree

NAME = "my-org/mma-bench"
LOAD = """
import hashlib, json, sys
from pathlib import Path
from datasets import load_dataset
from huggingface_hub import snapshot_download
import mma_bench
from mma_bench.dataset.integrity import verify_data

def rows(path, streaming):
    loaded = load_dataset(path, split="test", streaming=streaming)
    loaded = loaded.decode(False) if streaming else loaded.with_format("arrow")
    found = {}
    for row in loaded:
        row = row if streaming else {name: column[0].as_py() for name, column in zip(row.column_names, row.columns)}
        digest = lambda media: hashlib.sha256(media["bytes"]).hexdigest()
        found[row["__key__"]] = [digest(row["mp4"]), digest(row["flac"]), row["json"]["questions"]]
    return found

name, local = sys.argv[1:]
here = rows(local, False)
assert here == rows(name, False) == rows(name, True)
asked = [(row.question_id, row.media.video_bytes) for row in mma_bench.load(name, condition="misaligned")]
assert asked == [(row.question_id, row.media.video_bytes) for row in mma_bench.load(local, condition="misaligned")]
problems = verify_data(Path(snapshot_download(name, repo_type="dataset")))
print(json.dumps([len(here), len(asked), [str(problem) for problem in problems]]))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(hub: Hub, home: Path, *command: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": token,
        "HF_HOME": str(home / "hf"),
        "HF_DATASETS_CACHE": str(home / "datasets"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def publish(hub: Hub, data: Path, *options: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    return run(hub, data.parent, "-m", "builder", "publish", NAME, "--data", str(data), *options, token=token)


def published(hub: Hub) -> dict[str, bytes]:
    files = dict(hub.repositories[NAME].commits[-1][1])
    del files[".gitattributes"]
    return files


def test_a_dataset_is_published_loads_back_identical_and_its_next_version_uploads_what_changed(
    hub: Hub, small_dataset: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))
    before = tree(data)
    dry = publish(hub, data, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "A data/aligned/test-00000-of-00008-" in dry.stdout
    assert "dry run: nothing was changed" in dry.stdout
    assert tree(data) == before
    assert hub.repositories == {}

    hub.fail_after = 7
    broken = publish(hub, data, "--gated", "manual", "--private")
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr
    assert len(hub.repositories[NAME].commits) == 1  # readers never see half a version
    hub.fail_after = None
    first = publish(hub, data, "--gated", "manual", "--private", "--note", "For the paper.")
    assert first.returncode == 0, first.stderr
    assert len(hub.uploads) == len(set(hub.uploads))  # nothing that had arrived was sent again
    files = published(hub)
    assert {name: len(content) for name, content in files.items()} == {
        name: (data / name).stat().st_size for name in tree(data) if name != ".complete.json"
    }
    assert all((data / name).read_bytes() == content for name, content in files.items())
    repository = hub.repositories[NAME]
    assert (repository.gated, repository.private) == ("manual", True)
    assert repository.tags == {"v1.0.0": repository.commits[-1][0]}
    assert "For the paper." in repository.commits[-1][2]
    loaded = run(hub, tmp_path, "-c", LOAD, NAME, str(data))
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout.splitlines()[-1]) == [32, 16, []]

    again = publish(hub, data)
    assert again.returncode == 0, again.stderr
    assert again.stdout.endswith("up to date\n")
    clip = str(pq.read_table(data / "metadata" / "clips.parquet").column("clip_id")[0].as_py())
    run_builder("remove", clip, "--data", str(data))
    clash = publish(hub, data)
    assert clash.returncode == 2
    assert "has a version 1.0.0 with other content" in clash.stderr
    sent = len(hub.uploads)
    second = publish(hub, data, "--version", "1.0.1", "--json")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["difference"]["deleted"]
    assert all((data / name).read_bytes() == content for name, content in published(hub).items())
    assert repository.tags == {"v1.0.0": repository.commits[1][0], "v1.0.1": repository.commits[-1][0]}
    said = json.loads(published(hub)["metadata/provenance.json"])["config"]["package"]
    assert (said["version"], said["hub_name"]) == ("1.0.1", NAME)
    changes = published(hub)["CHANGES.md"].decode()
    assert f"Removed: {clip}." in changes
    assert changes.index("### 1.0.1") < changes.index("### 1.0.0") < changes.index("For the paper.")
    assert len(hub.uploads) - sent < 16  # of some 36 large files


def test_damage_a_wrong_token_and_a_silent_hub_are_one_line(hub: Hub, small_dataset: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(small_dataset, tmp_path / "mma-bench"))
    refused = publish(hub, data, token="hf_wrong")
    assert refused.returncode == 2
    assert "the hub refused my-org/mma-bench (401" in refused.stderr.splitlines()[-1]
    hub.repositories.clear()
    (data / "LICENSE").write_text("anything goes")
    damaged = publish(hub, data)
    assert damaged.returncode == 2
    assert "has 1 problems, the first: wrong_hash  LICENSE" in damaged.stderr
    assert hub.repositories == {}
