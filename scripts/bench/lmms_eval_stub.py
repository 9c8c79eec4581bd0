r"""Run lmms-eval on our tasks with a model that answers at once. Needs the python of lmms-eval's own environment.

    cd FOLDER_THAT_HOLDS_mma-bench
    PYTHONPATH=REPOSITORY LMMS_ENV/bin/python REPOSITORY/scripts/bench/lmms_eval_stub.py --out result.json \
        --tasks mma_bench_aligned mma_bench_misaligned --answers runs/cascade/answers.jsonl

Prints nothing of its own; the result holds lmms-eval's metrics and the time that its evaluation took.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import lmms_eval.evaluator
from lmms_eval.api.model import lmms
from lmms_eval.tasks import TaskManager

import mma_bench.harnesses.lmms_eval as folder


class Stub(lmms):
    """Says what is stored for a question, or `Dog`.

    Args:
        answers: texts by question.
        media: of how many questions of each task to fetch the media too.
        chat: whether to ask for messages, as the wrappers of the chat kind do.
    """

    def __init__(self, answers: dict[str, str], media: int, *, chat: bool) -> None:
        super().__init__()
        self.is_simple = not chat
        self._answers = answers
        self._media = media
        self.files: list[str] = []

    def generate_until(self, requests: list[Any]) -> list[str]:
        said = []
        fetched: dict[str, int] = {}
        for request in requests:
            *_, doc_id, task, split = request.args
            doc = self.task_dict[task][split][doc_id]
            fetched[task] = fetched.get(task, 0) + 1
            if fetched[task] <= self._media:
                self._fetch(request, doc)
            said.append(self._answers.get(doc["question_id"], "Dog"))
        return said

    def _fetch(self, request: Any, doc: Any) -> None:
        if self.is_simple:
            self.files += request.args[2](doc)
        else:
            (message,) = request.args[1](doc)
            self.files += [part["url"] for part in message["content"] if part["type"] != "text"]
            assert message["content"][-1]["text"] == request.args[0] == doc["prompt"]

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def generate_until_multi_round(self, requests: list[Any]) -> list[str]:
        raise NotImplementedError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["mma_bench"])
    parser.add_argument("--answers", type=Path, help="a run's answers.jsonl")
    parser.add_argument("--media", type=int, default=0, help="fetch the media of so many questions of each task")
    parser.add_argument("--chat", action="store_true", help="take messages, as wrappers of the chat kind do")
    parser.add_argument("--no-samples", action="store_true", help="do not keep the samples")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    answers = {}
    if arguments.answers:
        stored = [json.loads(line) for line in arguments.answers.read_text(encoding="utf-8").splitlines()]
        answers = {answer["question_id"]: answer["text"] for answer in stored}
    stub = Stub(answers, arguments.media, chat=arguments.chat)
    manager = TaskManager("ERROR", include_path=folder.__path__[0])
    wall, used = time.monotonic(), time.process_time()
    result = lmms_eval.evaluator.simple_evaluate(
        model=stub, tasks=arguments.tasks, task_manager=manager, log_samples=not arguments.no_samples
    )
    seconds = {"wall": time.monotonic() - wall, "processor": time.process_time() - used}
    counted = {name: count["effective"] for name, count in result["n-samples"].items()}
    kept = {"results": result["results"], "questions": counted, "seconds": seconds, "files": stub.files}
    arguments.out.write_text(json.dumps(kept, indent=2, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
