"""Defaults for users' models: the name, the fingerprint, and `Answer` objects made from strings."""

import hashlib
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.answers import Answer
from mma_bench.registry import one_line

if TYPE_CHECKING:
    from mma_bench.dataset.load import Sample
    from mma_bench.models.interface import Model

USER_FILE = "user_file_"
"""Prefix of the names of modules that were imported from a file by its path."""

_SIMPLE = (str, int, float, bool, type(None))


class DefaultName:
    """A class attribute that reads as the qualified name of the class, such as `my_models.Mine`."""

    def __get__(self, instance: object | None, owner: type) -> str:
        """Return module and name of ``owner``."""
        return f"{owner.__module__}.{owner.__qualname__}"


def name_after(model: "Model", name: str) -> "Model":
    """Return ``model``, named as requested unless its class sets a name; the name contains no folder."""
    if isinstance(inspect.getattr_static(model, "name"), DefaultName):
        model.name = without_folder(name)
    return model


def without_folder(name: str) -> str:
    """Return the name of a model without the folder of the file that holds its class."""
    family, _, rest = name.partition(":")
    place, _, class_name = rest.rpartition(":")
    is_file = family == "python" and place.endswith(".py")
    return f"python:{Path(place).name}:{class_name}" if is_file else name


def construct(kind: "type[Model]", options: Mapping[str, str]) -> "Model":
    """Return a model of the class ``kind``, made with ``options`` as keyword arguments, as text.

    Raises:
        MMABenchError: the class does not take these arguments, or its constructor fails.
    """
    where = f"{_module_name(kind)}.{kind.__qualname__}"
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise MMABenchError(f"{where} does not define {', '.join(missing)}; a model needs `answer(self, sample)`")
    takes = inspect.signature(kind).parameters.values()
    names = [one.name for one in takes if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    takes_any = any(one.kind is one.VAR_KEYWORD for one in takes)
    if not takes_any and (wrong := sorted(options.keys() - set(names))):
        known = f"it takes {', '.join(names)}" if names else "it takes none"
        raise MMABenchError(f"--model-option {wrong[0]}: {where} has no such option; {known}")
    if absent := [
        one.name for one in takes if one.name in names and one.default is one.empty and one.name not in options
    ]:
        raise MMABenchError(f"{where} needs the option {absent[0]!r}: give --model-option {absent[0]}=VALUE")
    try:
        return kind(**options)
    except MMABenchError:
        raise
    except (Exception, SystemExit) as error:
        raise MMABenchError(f"{where} cannot be made: {one_line(error)}{place_of(error, kind)}") from error


def _module_name(kind: type) -> str:
    """Return the module of ``kind``, or the name of a file that was loaded by its path."""
    if not kind.__module__.startswith(USER_FILE):
        return kind.__module__
    return Path(str(getattr(sys.modules.get(kind.__module__), "__file__", kind.__module__))).stem


def place_of(error: BaseException, kind: type) -> str:
    """Return ` (FILE:LINE)`, the innermost line of the file of ``kind`` in the traceback of ``error``; or nothing."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(lines[-1].filename).name}:{lines[-1].lineno})" if lines else ""


def default_fingerprint(model: Any) -> dict[str, str]:
    """Return name, hash of the code and simple public attributes of ``model``.

    The hash covers the source files that define the model's class and its base classes, up to `mma_bench`, or the byte
    code of the methods if there is no file, as in an interactive session. It covers neither other modules that these
    import, nor weights, nor package versions: a model whose answers depend on these overrides `fingerprint`.
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
    """Return the answers of ``answer`` for ``sample``, each with its share of the time that they took.

    Raises:
        MMABenchError: it did not return one string or `Answer` per question.
    """
    began = time.perf_counter()
    said = as_answers(sample, answer(sample), name)
    share = (time.perf_counter() - began) / max(1, len(said))
    return [replace(one, seconds=share) if one.seconds is None else one for one in said]


def as_answers(sample: "Sample", said: Any, name: str) -> list[Answer]:
    """Return strings as answers to the questions of ``sample``, in order; `Answer` objects are unchanged.

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


def module_hash(module: str) -> str:
    """Return the SHA-256 of the source file of an imported module, or None if it has no file."""
    content = _source(module)
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _source(module: str) -> bytes | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).read_bytes() if file and Path(file).is_file() else None


def _code_of(kind: type) -> bytes:
    if (content := _source(kind.__module__)) is not None:
        return content
    functions = [part for _, part in sorted(vars(kind).items()) if inspect.isfunction(part)]
    return repr([_plain(function.__code__) for function in functions]).encode("utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    """Return byte code as values whose `repr` is the same in every process."""
    if isinstance(value, CodeType):
        return value.co_code, value.co_names, [_plain(constant) for constant in value.co_consts]
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value
