"""A Ray cluster on this machine: a head and some more nodes, each with its own processes.

    python -m tests.cluster.ray_cluster /tmp/ray-cluster      # prints how to use it; Ctrl-C ends it

Needs the extra `ray`.
"""

import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from tests.cluster.ports import free_port

_SMALL = ["--object-store-memory=100000000", "--memory=16000000000", "--disable-usage-stats", "--block"]
_RAY = [sys.executable, "-m", "ray.scripts.scripts"]


def why_not() -> str | None:
    """Return why the cluster cannot run here, or None if it can."""
    if find_spec("ray") is None:
        return "needs ray: pip install 'mma-bench[ray]'"
    return None


class RayCluster:
    """The running cluster.

    Args:
        folder: for its logs.
        nodes: names of the nodes; the first is the head, which takes no tasks. The others have two cores and one GPU
            that is only a name.
    """

    def __init__(self, folder: Path, nodes: tuple[str, ...] = ("head", "n1", "n2")) -> None:
        self.folder, self.nodes = folder.absolute(), nodes
        self._port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._arguments: dict[str, list[str]] = {}
        self._open = ExitStack()

    @property
    def address(self) -> str:
        """Where the head is."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            head, *others = self.nodes
            place = ["--head", f"--port={self._port}", "--num-cpus=0", "--include-dashboard=false"]
            self._start(head, [*place, "--node-ip-address=127.0.0.1", f"--temp-dir={self.folder}/tmp"])
            self._wait_for(1, head)
            for number, node in enumerate(others, 2):
                place = [f"--address={self.address}", f"--node-ip-address=127.0.0.{number}"]
                self._start(node, [*place, "--num-cpus=2", "--num-gpus=1"])
                self._wait_for(number, node)  # two that start at the same time choose the same ports
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def kill_node(self, node: str) -> None:
        """End a node and everything that runs on it at once."""
        _kill_tree(self._processes.pop(node))

    def stop(self) -> None:
        """End everything."""
        for process in reversed(list(self._processes.values())):
            _kill_tree(process)
        self._processes.clear()
        self._open.close()

    def _start(self, node: str, arguments: list[str]) -> None:
        self._arguments[node] = arguments
        output: IO[bytes] = self._open.enter_context((self.folder / f"{node}.out").open("ab"))
        command = [*_RAY, "start", *arguments, *_SMALL]
        self._processes[node] = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)

    def _wait_for(self, count: int, node: str, seconds: float = 300) -> None:
        code = (
            f"import ray; ray.init('{self.address}', logging_level='ERROR', log_to_driver=False); "
            "print(sum(node['Alive'] for node in ray.nodes()))"
        )
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            if found.stdout.strip().endswith(str(count)):
                return
            if self._processes[node].poll() is not None:  # on a busy machine: Ray gives itself 30 seconds to start
                self._start(node, self._arguments[node])
            time.sleep(0.5)
        raise TimeoutError(f"waited {seconds:.0f} s for {count} nodes of Ray; see {self.folder}/*.out")


def _kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all that it started, as a power cut does."""
    main = psutil.Process(process.pid)
    for one in [main, *main.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def main() -> None:
    """Run a cluster until Ctrl-C."""
    if reason := why_not():
        sys.exit(reason)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with RayCluster(Path(sys.argv[1])) as cluster:
        print(f"export RAY_ADDRESS={cluster.address}\nCtrl-C ends it", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()
