"""A Slurm cluster on this machine: munge, one controller and some nodes, each with its own processes.

    python -m tests.cluster.slurm_cluster /tmp/slurm      # prints how to use it; Ctrl-C ends it

Needs root and Debian's packages: `apt-get install --no-install-recommends slurm-wlm munge`.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.cluster.ports import free_port

_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A task is run again after the time for which a credential is valid, by default two minutes.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool_%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
SlurmdParameters=config_overrides
# A lost node is noticed after ten seconds, and its tasks start again at once.
SlurmdTimeout=10
ReturnToService=2
KillWait=2
SchedulerParameters=sched_interval=2,batch_sched_delay=1
PartitionName=main Nodes={names} Default=YES MaxTime=60 State=UP
"""
_NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=16000 Gres=gpu:1\n"


def why_not() -> str | None:
    """Return why the cluster cannot run here, or None if it can."""
    missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "unshare") if _program(name) is None]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install --no-install-recommends slurm-wlm munge"
    return None if os.geteuid() == 0 else "needs root to start Slurm's daemons"


class SlurmCluster:
    """The running cluster.

    Args:
        folder: for its configuration, its state and its logs.
        nodes: names of the nodes, each with two cores and one GPU that is only a name.
        hidden: folders that a node does not see, by its name.
    """

    def __init__(self, folder: Path, nodes: tuple[str, ...] = ("n1", "n2"), hidden: dict[str, Path] | None = None):
        self.folder, self.nodes, self._hidden = folder.absolute(), nodes, hidden or {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._open = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need to find it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self) -> Self:
        for name in ("munge", "state", *(f"spool_{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        try:
            self._start_munge()
            self._start("controller", ["slurmctld", "-D"])
            for node in self.nodes:
                self.start_node(node)
            self._wait_for_nodes()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_node(self, node: str) -> None:
        """Start a node in its own space of processes, so that its end takes the tasks along, as a power cut does."""
        hide = f"mount -t tmpfs tmpfs '{self._hidden[node]}' && " if node in self._hidden else ""
        isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._start(node, [*isolated, "sh", "-c", f"{hide}exec slurmd -D -N {node}"])

    def kill_node(self, node: str) -> None:
        """End a node and everything that runs on it, without a word to the controller."""
        process = self._processes.pop(node)
        process.kill()
        process.wait()

    def run(self, *command: str) -> str:
        """Run one of Slurm's commands and return its output."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def stop(self) -> None:
        """End everything."""
        for process in reversed(list(self._processes.values())):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._processes.clear()
        self._open.close()

    def _write_configuration(self) -> None:
        host = socket.gethostname()
        text = _CONFIGURATION.format(folder=self.folder, host=host, port=free_port(), names=",".join(self.nodes))
        text += "".join(_NODE.format(name=node, host=host, port=free_port()) for node in self.nodes)
        (self.folder / "slurm.conf").write_text(text)
        gpus = "".join(f"NodeName={node} Name=gpu File=/dev/null\n" for node in self.nodes)
        (self.folder / "gres.conf").write_text(gpus)
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        folder.chmod(0o755)
        key = folder / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        places = [f"--{name}={folder / file}" for name, file in _MUNGE_FILES.items()]
        self._start("munge", ["munged", "--foreground", "--force", *places])
        _wait((folder / "socket").exists, "munge")

    def _start(self, name: str, command: list[str]) -> None:
        output: IO[bytes] = self._open.enter_context((self.folder / f"{name}.out").open("ab"))
        environment = {**os.environ, **self.environment, "PATH": _PATH}
        self._processes[name] = subprocess.Popen(command, env=environment, stdout=output, stderr=output)

    def _wait_for_nodes(self) -> None:
        def ready() -> bool:
            try:
                states = self.run("sinfo", "--noheader", "--Node", "--format=%T").split()
            except subprocess.CalledProcessError:
                return False
            return states == ["idle"] * len(self.nodes)

        _wait(ready, f"the nodes; see {self.folder}/*.out")


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
_MUNGE_FILES = {
    "key-file": "key",
    "socket": "socket",
    "pid-file": "pid",
    "log-file": "log",
    "seed-file": "seed",
}


def _program(name: str) -> str | None:
    return shutil.which(name, path=_PATH)


def _wait(ready: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


def main() -> None:
    """Run a cluster until Ctrl-C."""
    if reason := why_not():
        sys.exit(reason)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with SlurmCluster(Path(sys.argv[1])) as cluster:
        print(
            f"export SLURM_CONF={cluster.environment['SLURM_CONF']}\n{cluster.run('sinfo')}Ctrl-C ends it", flush=True
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()
