"""Slurm itself, with a controller and two nodes on this machine: lost nodes, failed tasks, interruptions."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import slurm_cluster
from tests.cluster.conftest import LocalBuild, arguments, attempts, finished_clips, start, status, wait_for
from tests.cluster.slurm_cluster import SlurmCluster
from tests.conftest import tree

ONCE_EACH = ["0.0", "1.0", "2.0", "3.0", "4.0", "5.0"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    if reason := slurm_cluster.why_not():
        pytest.skip(reason)
    with SlurmCluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


def stage(cluster: SlurmCluster, folder: Path, mode: str, **changes: Any) -> Any:
    settings = {"kind": "slurm", "workers": 4, "memory_gb": 1, "slurm": {"poll_seconds": 0.5}, **changes}
    return start("tests.cluster.steps", str(folder), mode, json.dumps(settings), **cluster.environment)


def jobs(cluster: SlurmCluster) -> list[str]:
    return cluster.run("squeue", "--noheader", "--array", "--format=%i %T").split("\n")[:-1]


def test_a_build_that_loses_a_node_ends_in_the_bytes_of_the_local_build(
    cluster: SlurmCluster, local_build: LocalBuild, tmp_path: Path
) -> None:
    run = start(
        "builder", "run", *arguments(local_build.config, tmp_path), "--executor", "slurm", "--set",
        "executor.workers=4", **cluster.environment,
    )  # fmt: skip
    work = tmp_path / "work"
    wait_for(lambda: finished_clips(work, "normalise") >= 30, run)
    on_n2 = cluster.run("squeue", "--noheader", "--states=RUNNING", "--nodelist=n2", "--array", "--format=%K").split()
    assert on_n2
    cluster.kill_node("n2")
    try:
        wait_for((work / "normalise" / "finished.json").exists, run)
    finally:
        cluster.start_node("n2")
    stdout, stderr = run.communicate()
    assert run.returncode == 0, stderr
    assert tree(tmp_path / "out") == local_build.files
    assert status(tmp_path).replace(str(tmp_path), "") == local_build.status
    assert re.search(r"normalise: Slurm job \d+, 8 tasks, logs in ", stderr)
    restarted = [log for log in (work / "normalise" / "log").glob("*/slurm_logs/*.out") if _starts(log) > 1]
    assert {log.stem.partition("_")[2] for log in restarted} >= {*on_n2}
    print(f"\ntasks {', '.join(on_n2)} of normalise ran on n2 when it was killed\n{stdout}{stderr}")


def _starts(log: Path) -> int:
    return log.read_text(errors="replace").count("Starting data processing job")


def test_a_killed_task_is_run_again_with_its_gpu_and_in_the_same_folder(cluster: SlurmCluster, tmp_path: Path) -> None:
    tmp_path /= "a folder"
    run = stage(cluster, tmp_path, "killed once", gpus=1)
    stderr = run.communicate()[1]
    assert run.returncode == 0, stderr
    assert attempts(tmp_path) == sorted([*ONCE_EACH, "2.1"])
    seen = json.loads((tmp_path / "attempts" / "2.1").read_text())
    assert seen == {"gpus": "0", "folder": str(Path.cwd())}
    assert jobs(cluster) == []
    all_tasks = cluster.run("squeue", "--noheader", "--array", "--states=all", "--format=%j %T").splitlines()
    assert {line.split()[1] for line in all_tasks if line.startswith("mma-bench-try-")} == {"COMPLETED"}


@pytest.mark.parametrize(
    ("mode", "tries", "message"),
    [
        ("killed", 2, r"task 2 of try failed 2 times, the last time on n\d: Slurm state FAILED, exit code 137:0"),
        ("error", 2, r"task 2 of try failed 2 times, the last time on \S+: ValueError: something unexpected; log: "),
        ("refusal", 1, r"the disk is full; free some space \(task 2 of try on \S+; log: \S+/task_00002.log\)"),
    ],
)
def test_a_task_that_fails_again_and_again_is_one_line_with_its_log(
    mode: str, tries: int, message: str, cluster: SlurmCluster, tmp_path: Path
) -> None:
    run = stage(cluster, tmp_path, mode, retries=1)
    error = run.communicate()[1].strip().splitlines()[-1]
    assert run.returncode == 1
    assert re.match(f"error: {message}", error), error
    assert len([name for name in attempts(tmp_path) if name.startswith("2.")]) == tries
    assert Path(re.findall(r"log: ([^;)]+)", error)[-1]).is_file()
    assert not [job for job in jobs(cluster) if job.endswith(("RUNNING", "PENDING"))]


def test_an_interrupted_stage_cancels_its_jobs(cluster: SlurmCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "slow")
    wait_for(lambda: len(attempts(tmp_path)) == 4, run)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(30) == 128 + signal.SIGINT
    wait_for_end(cluster)


def test_the_jobs_of_a_killed_build_are_cancelled_by_the_next_run(cluster: SlurmCluster, tmp_path: Path) -> None:
    run = stage(cluster, tmp_path, "slow")
    wait_for(lambda: len(attempts(tmp_path)) == 4, run)
    run.kill()
    run.communicate()
    assert len(jobs(cluster)) == 6
    again = stage(cluster, tmp_path, "quick")
    stderr = again.communicate(timeout=120)[1]  # without the cancellation, it would wait for ten minutes
    assert again.returncode == 0, stderr
    wait_for_end(cluster)


def wait_for_end(cluster: SlurmCluster) -> None:
    deadline = time.monotonic() + 30
    while jobs(cluster):
        assert time.monotonic() < deadline, jobs(cluster)
        time.sleep(0.2)


def test_what_slurm_refuses_is_one_line(cluster: SlurmCluster, tmp_path: Path) -> None:
    for changes, message in (
        ({"slurm": {"partition": "none"}}, "Slurm refused the job: .*invalid partition specified: none"),
        ({"cores": 64}, r"Slurm will not start task 0 of job \d+ of try: PartitionConfig; see `scontrol show job"),
        ({"workers": 0}, "executor.kind slurm needs executor.workers"),
    ):
        run = stage(cluster, tmp_path, "quick", **changes)
        error = run.communicate()[1].strip().splitlines()[-1]
        assert re.match(f"error: {message}", error), error


def test_a_node_that_does_not_see_the_work_folder_is_named(tmp_path: Path) -> None:
    if reason := slurm_cluster.why_not():
        pytest.skip(reason)
    work = tmp_path / "work"
    work.mkdir()
    with SlurmCluster(tmp_path / "slurm", ("n1",), hidden={"n1": work}) as cluster:
        run = stage(cluster, work, "quick", retries=0)
        error = run.communicate()[1].strip().splitlines()[-1]
    assert re.match(rf"error: task \d of try failed once, .*the node n1 does not see {work}/log; --work", error), error
