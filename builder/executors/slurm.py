"""The tasks of a stage as a job array of Slurm."""

import json
import math
import os
import re
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datatrove.executor.slurm import SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep

import builder
from builder.executors import slurm_queue
from builder.executors.check import check_engine
from builder.executors.earlier_job import end_jobs, note_job
from builder.executors.rerun import Reruns
from builder.executors.settings import ExecutorSettings
from builder.executors.slurm_queue import ArrayTask
from builder.executors.slurm_task import FINAL, NOT_SHARED, save_executor
from builder.executors.task import Task, not_shared, one_thread_each
from mma_bench.console.progress import say
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_text

_MARK_SECONDS = 90.0
"""How long what a task wrote may take to appear here: NFS shows a new file after up to a minute."""
_END_SECONDS = 30.0
"""How long tasks that have left their mark may take to end."""
_SILENT_SECONDS = 1800.0
"""How long Slurm may not answer, as while its controller is restarted."""
_CANCEL_SECONDS = 60.0
"""How long a finished stage waits for cancelled tasks; if they take longer, the next run of the stage waits."""


class SlurmExecutor(Task, SlurmPipelineExecutor):
    """datatrove's Slurm executor that waits for its tasks.

    datatrove 0.10.1 submits a job array and returns. Here `run` submits the array, waits until all tasks are completed,
    lets Slurm run failed ones again, and cancels the array if the build is interrupted. Slurm itself runs the tasks of
    a lost node again, as the array is submitted with `--requeue`.
    """

    def __init__(
        self, settings: ExecutorSettings, pipeline: Sequence[PipelineStep], logs: Path, *, tasks: int, name: str
    ) -> None:
        slurm = settings.slurm
        super().__init__(
            pipeline=list(pipeline),
            tasks=tasks,
            time=_time_limit(settings.hours) if settings.hours else "",
            partition=slurm.partition or "",
            cpus_per_task=settings.cores,
            gpus_per_task=settings.gpus or 0,
            workers=min(settings.worker_count, tasks),
            job_name=f"mma-bench-{name}",
            qos=slurm.qos or "",
            env_command=_environment(settings),
            sbatch_args=_options(settings),
            max_array_size=slurm.max_array,
            logging_dir=str(logs),
            tasks_per_job=math.ceil(tasks / slurm.max_array),
            with_srun=False,
        )
        self.settings, self.logs, self.name = settings, logs, name

    def run(self) -> None:
        """Run all tasks that are not completed yet.

        Raises:
            MMABenchError: Slurm refuses the job, or a task failed more often than `executor.retries` allows.
        """
        check_engine(self.settings)
        reruns = Reruns(self)
        while ranks := self.begin():
            name = self._job_name()
            note_job(self.logs.parent, name)
            try:
                job = self._submit(ranks, name)
                self._wait(job, ranks, reruns)
                self._let_end(job)
            except BaseException:
                slurm_queue.cancel(name)
                raise
            # Also the tasks that were run again but have been completed by another attempt.
            if said := end_jobs(self.logs.parent, _CANCEL_SECONDS):
                say(f"\n{self.name}: {said}; the next run of the stage cancels it again")

    def run_task(self) -> None:
        """Run one job of the array; called on a node.

        Raises:
            MMABenchError: Slurm has started this job too often.
        """
        restarts = int(os.environ.get("SLURM_RESTART_COUNT") or 0)
        if restarts > self.settings.retries:
            print(f"job was started {restarts + 1} times; executor.retries is {self.settings.retries}", flush=True)
            sys.exit(1)
        SlurmPipelineExecutor.run(self)

    def _job_name(self) -> str:
        """Return a name that no other job has, so that the job can be cancelled before its number is known."""
        asked = self.settings.slurm.options.get("job-name") or self.job_name or "mma-bench"
        return f"{re.sub('[^A-Za-z0-9._-]+', '-', asked)}-{self._token}"

    def _submit(self, ranks: Sequence[int], name: str) -> str:
        folder = self.logs / "slurm_logs"
        folder.mkdir(parents=True, exist_ok=True)
        pickled = self.logs / "executor.pik"
        save_executor(self, pickled)
        write_text(self.logs / "ranks_to_run.json", json.dumps(list(ranks)))
        jobs = math.ceil(len(ranks) / self.tasks_per_job)
        python, path = shlex.quote(sys.executable), shlex.quote(str(pickled.absolute()))
        command = f"[ -f {path} ] || exit {NOT_SHARED}\n{python} -m builder.executors.slurm_task {path}"
        script = self.logs / "launch_script.slurm"
        write_text(script, self.get_launch_file_contents(self.get_sbatch_args(jobs), command))
        job = slurm_queue.submit(script, name)
        say(f"\n{self.name}: Slurm job {job}, {jobs} tasks, logs in {folder}")
        return job

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """Return the options of sbatch, without those that are not set."""
        given = super().get_sbatch_args(max_array)
        del given["mem-per-cpu"]  # whole gigabytes; the settings give the memory of a task
        given |= {name: f'"{given[name]}"' for name in ("output", "error")}  # the folder's name may have a space
        return {name: value for name, value in given.items() if value not in ("", None) or name == "requeue"}

    def _wait(self, job: str, ranks: Sequence[int], reruns: Reruns) -> None:
        """Wait until the array has ended; tasks that Slurm cannot run again are left for a new array."""
        answered = time.monotonic()
        watch = _Watch()
        while left := self.get_incomplete_ranks(ranks):
            time.sleep(self.settings.slurm.poll_seconds)
            tasks = slurm_queue.tasks_of(job)
            if tasks is None:
                if time.monotonic() - answered > _SILENT_SECONDS:
                    raise MMABenchError(f"squeue has not answered for {_SILENT_SECONDS / 60:.0f} minutes; job {job}")
                continue
            answered = time.monotonic()
            by_index = {task.index: task for task in tasks}
            waiting = {ranks.index(rank) // self.tasks_per_job for rank in left} - watch.left_over
            for index in sorted(waiting):
                task = by_index.get(index)
                if task and task.never_starts:
                    raise MMABenchError(
                        f"Slurm will not start task {index} of job {job} of {self.name}: {task.reason}; see "
                        f"`scontrol show job {job}_{index}`"
                    )
                explained = self._is_explained(job, ranks, index, task)
                if watch.has_ended(index, task, explained) and not self._is_completed(ranks, index):
                    self._note(job, ranks, index, task, reruns)
                    if not slurm_queue.requeue(job, index):
                        watch.left_over.add(index)
            if waiting <= watch.left_over:
                return

    def _let_end(self, job: str) -> None:
        """Give tasks that have left their mark the time to end, so that Slurm does not count them as cancelled."""
        until = time.monotonic() + _END_SECONDS
        while any(task.state in ("RUNNING", "COMPLETING") for task in slurm_queue.tasks_of(job) or ()):
            if time.monotonic() > until:
                return
            time.sleep(_END_SECONDS / 60)

    def _is_explained(self, job: str, ranks: Sequence[int], index: int, task: ArrayTask | None) -> bool:
        """Return whether what a failed task wrote can be seen here, or would not say more than Slurm does."""
        if task is None or task.state != "FAILED" or any(self.failure(rank) for rank in self._ranks_of(ranks, index)):
            return True
        code = slurm_queue.exit_code(job, index)
        return code == NOT_SHARED or (code != FINAL and self._log(job, index).is_file())

    def _is_completed(self, ranks: Sequence[int], index: int) -> bool:
        return not self.get_incomplete_ranks(self._ranks_of(ranks, index))

    def _ranks_of(self, ranks: Sequence[int], index: int) -> Sequence[int]:
        return ranks[index * self.tasks_per_job : (index + 1) * self.tasks_per_job]

    def _note(self, job: str, ranks: Sequence[int], index: int, task: ArrayTask | None, reruns: Reruns) -> None:
        """Count the failure of a task; raise if it may not run again."""
        node = task.node if task else ""
        code = slurm_queue.exit_code(job, index)
        if task is None:
            what = "it is no longer in the queue and has not finished"
        elif code == NOT_SHARED or (task.state == "FAILED" and code != FINAL and not self._log(job, index).is_file()):
            what = not_shared(self.logs.absolute(), node)
        else:
            what = f"{slurm_queue.why_ended(job, index)} (see {self._log(job, index)})"
        failed = next((rank for rank in self._ranks_of(ranks, index) if self.failure(rank)), None)
        if failed is None:
            failed = self.get_incomplete_ranks(self._ranks_of(ranks, index))[0]
        reruns.note(failed, node, what, is_final=task is not None and code == FINAL)

    def _log(self, job: str, index: int) -> Path:
        return self.logs / "slurm_logs" / f"{job}_{index}.out"


class _Watch:
    """What the build has seen of the tasks of an array."""

    def __init__(self) -> None:
        self.left_over: set[int] = set()
        self._missing_since: dict[int, float] = {}

    def has_ended(self, index: int, task: ArrayTask | None, explained: bool) -> bool:
        """Return whether a task without a mark of completion has ended.

        A mark may appear here later than its end, and so may what it wrote about its failure (not yet ``explained``).
        """
        if task and task.is_active:
            self._missing_since.pop(index, None)
            return False
        if task is None or task.state == "COMPLETED" or not explained:
            since = self._missing_since.setdefault(index, time.monotonic())
            if time.monotonic() - since < _MARK_SECONDS:
                return False
        self._missing_since.pop(index, None)
        return True


def _time_limit(hours: float) -> str:
    minutes = max(1, math.ceil(hours * 60))
    return f"{minutes // 60}:{minutes % 60:02d}:00"


def _options(settings: ExecutorSettings) -> dict[str, str]:
    account = {"account": settings.slurm.account} if settings.slurm.account else {}
    memory = {"mem": f"{math.ceil(settings.memory_gb * 1024)}M", "open-mode": "append"}
    return {**memory, **account, **settings.slurm.options}


def _environment(settings: ExecutorSettings) -> str:
    """Return shell lines: the user's, then where our code is and how many threads libraries may start."""
    variables = {"PYTHONPATH": _python_path(), **one_thread_each(settings.cores)}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([settings.slurm.setup or "", *exports, "hostname"])


def _python_path() -> str:
    root = str(Path(builder.__file__).parents[1])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
