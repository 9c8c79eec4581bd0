"""Each process of a build takes a GPU of its own. The lock is tested; no GPU is needed for it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

_CLAIM = """
import os, sys
from builder.verify.gpus import claim_gpus
print(claim_gpus(int(sys.argv[1])), os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


def test_each_process_takes_another_gpu_and_a_dead_one_gives_its_own_back(tmp_path: Path) -> None:
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "4,7", "TMPDIR": str(tmp_path)}

    def claim(count: int = 1) -> tuple["subprocess.Popen[str]", str]:
        command = [sys.executable, "-c", _CLAIM, str(count)]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    processes = []
    try:
        for expected in ("['4'] 4", "['7'] 7", "[] 4,7"):
            process, claimed = claim()
            processes.append(process)
            assert claimed == expected
        processes[0].kill()
        processes[0].wait()
        process, claimed = claim()
        processes.append(process)
        assert claimed == "['4'] 4"
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()
