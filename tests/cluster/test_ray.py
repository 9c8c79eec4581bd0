"""Ray itself, with a head and two nodes on this machine: lost nodes, failed tasks, interruptions."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ray_cluster
from tests.cluster.conftest import LocalBuild, arguments, attempts, finished_clips, start, status, wait_for
from tests.cluster.ray_cluster import RayCluster
from tests.conftest import tree

ONCE_EACH = ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    if reason := ray_cluster.why_not():
        pytest.skip(reason)
    with RayCluster(tmp_path_factory.mktemp("ray")) as running:
        yield running


def stage(cluster: RayCluster, folder: Path, mode: str, **changes: Any) -> Any:
    settings = {"kind": "ray", "memory_gb": 1, "ray": {"address": cluster.address}, **changes}
    return start("tests.cluster.steps", str(folder), mode, json.dumps(settings))


def test_a_killed_task_is_run_again_with_its_gpu_and_in_the_same_folder(cluster: RayCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "killed once", gpus=1)
    stderr = run.communicate()[1]
    assert run.returncode == 0, stderr
    assert attempts(tmp_path) == sorted([*ONCE_EACH, "2.1"])
    assert json.loads((tmp_path / "attempts" / "2.1").read_text()) == {"gpus": "0", "folder": str(Path.cwd())}


def test_an_overdue_task_is_ended_and_run_again(cluster: RayCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "overdue", hours=8 / 3600)
    stderr = run.communicate()[1]
    assert run.returncode == 0, stderr
    assert attempts(tmp_path) == sorted([*ONCE_EACH, "2.1"])


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("killed", r"task 2 of try failed \d times, the last time on \S+: .*died.*; log: "),
        ("error", r"task 2 of try failed 2 times, the last time on \S+: ValueError: something unexpected; log: "),
        ("refusal", r"the disk is full; free some space \(task 2 of try on \S+; log: \S+/task_00002.log\)"),
    ],
)
def test_a_task_that_fails_again_and_again_is_one_line_with_its_log(
    mode: str, message: str, cluster: RayCluster, tmp_path: Path
) -> None:
    run = stage(cluster, tmp_path, mode, retries=1)
    error = run.communicate()[1].strip().splitlines()[-1]
    assert run.returncode == 1
    assert re.match(f"error: {message}", error), error
    assert Path(re.findall(r"log: ([^;)]+)", error)[-1]).is_file()


def test_a_task_that_no_node_has_room_for_does_not_wait_forever(cluster: RayCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "quick", gpus=2)
    error = run.communicate()[1].strip().splitlines()[-1]
    assert error.startswith("error: no node of the Ray cluster has room for a task of 1 core, 1 GB, 2 GPUs; change")


def test_an_interrupted_stage_ends_its_tasks(cluster: RayCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "slow")
    wait_for(lambda: len(attempts(tmp_path)) == 4, run)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(30) == 128 + signal.SIGINT
    assert stage(cluster, tmp_path / "next", "quick").wait(60) == 0  # there is room again


def test_a_cluster_that_is_not_there_is_one_line(cluster: RayCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "quick", ray={"address": "127.0.0.1:1"})
    error = run.communicate()[1].strip().splitlines()[-1]
    assert error.startswith("error: cannot connect to the Ray cluster 127.0.0.1:1: ")


def test_a_build_that_loses_a_node_ends_in_the_bytes_of_the_local_build(
    cluster: RayCluster, local_build: LocalBuild, tmp_path: Path
) -> None:
    run = start(
        "builder", "run", *arguments(local_build.config, tmp_path), "--json", "--executor", "ray", "--set",
        f"executor.ray.address={cluster.address}",
    )  # fmt: skip
    work = tmp_path / "work"
    wait_for(lambda: finished_clips(work, "normalise") >= 30, run)
    cluster.kill_node("n2")
    stdout, stderr = run.communicate()
    assert run.returncode == 0, stderr
    assert json.loads(stdout)["out"] == str(tmp_path / "out")  # what Ray says about the lost node is not in it
    assert tree(tmp_path / "out") == local_build.files
    assert status(tmp_path).replace(str(tmp_path), "") == local_build.status
    said = r"normalise: task \d+ failed on \S+ and is run again \(1 of \d\): .*node it was running on is dead"
    assert re.search(said, stderr), stderr
    print(f"\nn2 was killed in the middle of normalise\n{stdout}{stderr}")
