"""What a model of a user's own need not write: its name, its fingerprint, and `Answer` objects."""

import hashlib
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.answers import Answer

if TYPE_CHECKING:
    from mma_bench.loader import Sample

_SIMPLE = (str, int, float, bool, type(None))


class DefaultName:
    """A class attribute that reads as the qualified name of the class, such as `my_models.Mine`."""

    def __get__(self, instance: object | None, owner: type) -> str:
        """Return module and name of ``owner``."""
        return f"{owner.__module__}.{owner.__qualname__}"


def default_fingerprint(model: Any) -> dict[str, str]:
    """Return name, hash of the code and simple public attributes of ``model``.

    The hash covers the source files that define the model's class and its base classes, up to `mma_bench`; where there
    is no file, as in an interactive session, the byte code of the methods. It covers neither other modules that
    these import, nor weights, nor package versions: a model whose answers depend on them overrides `fingerprint`.
    """
    not_own = {"mma_bench", *sys.stdlib_module_names}
    classes = [
        kind
        for kind in type(model).__mro__
        if kind.__module__ == "__main__" or kind.__module__.partition(".")[0] not in not_own
    ]
    code = hashlib.sha256()
    for kind in classes:
        code.update(_code_of(kind))
    settings = {
        f"setting {name}": str(value)
        for name, value in sorted(vars(model).items())
        if isinstance(value, _SIMPLE) and not name.startswith("_") and name != "name"
    }
    return {"model": model.name, "sha256 code": code.hexdigest(), **settings}


def timed_answers(sample: "Sample", answer: Callable[["Sample"], Sequence[str | Answer]], name: str) -> list[Answer]:
    """Return what ``answer`` says about ``sample`` as answers, each with its share of the time that they took.

    Raises:
        MMABenchError: it did not return one string or `Answer` per question.
    """
    began = time.perf_counter()
    said = as_answers(sample, answer(sample), name)
    share = (time.perf_counter() - began) / max(1, len(said))
    return [replace(one, seconds=share) if one.seconds is None else one for one in said]


def as_answers(sample: "Sample", said: Any, name: str) -> list[Answer]:
    """Return strings as answers to the questions of ``sample``, in its order; answers stay as they are.

    Raises:
        MMABenchError: there is not one string or `Answer` per question.
    """
    asked, place = sample.questions, f"{name}.answer({sample.stimulus.key})"
    if isinstance(said, str) or not isinstance(said, Sequence):
        raise MMABenchError(
            f"{place} returned {type(said).__name__}; return a list with one string or Answer per question"
        )
    if len(said) != len(asked):
        raise MMABenchError(
            f"{place} returned {len(said)} answers to {len(asked)} questions; return one per question of "
            "sample.questions, in the same order"
        )
    answers = []
    for question, one in zip(asked, said, strict=True):
        if isinstance(one, str):
            answers.append(Answer(question.question_id, one))
        elif isinstance(one, Answer) and one.question_id == question.question_id:
            answers.append(one)
        else:
            got = f"an Answer to {one.question_id!r}" if isinstance(one, Answer) else type(one).__name__
            raise MMABenchError(
                f"{place} returned {got} for question {question.question_id}; return a string or Answer"
            )
    return answers


def _code_of(kind: type) -> bytes:
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if file and Path(file).is_file():
        return Path(file).read_bytes()
    functions = [part for _, part in sorted(vars(kind).items()) if inspect.isfunction(part)]
    return repr([_plain(function.__code__) for function in functions]).encode("utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    """Return byte code as values whose `repr` is the same in every process."""
    if isinstance(value, CodeType):
        return value.co_code, value.co_names, [_plain(constant) for constant in value.co_consts]
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
