"""A user's model class, by its module or file: `python:package.module:Class`, `python:FILE.py:Class`."""

import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from mma_bench.errors import MMABenchError, unknown
from mma_bench.models.interface import Model
from mma_bench.models.own import USER_FILE
from mma_bench.registry import one_line

_FORMS = "write python:MODULE:CLASS or python:FILE.py:CLASS"


def import_class(place: str) -> type[Model]:
    """Return the class at ``place``, such as `my_models.tiny:Tiny` or `models/tiny.py:Tiny`.

    Modules are also looked for in the working folder, and a file may import its neighbours.

    Raises:
        MMABenchError: there is no such module, file or class, importing it fails, or it is not a `Model`.
    """
    module_name, _, class_name = place.rpartition(":")
    if not module_name or not class_name:
        raise MMABenchError(f"model 'python:{place}': {_FORMS}")
    module = _from_file(Path(module_name)) if module_name.endswith(".py") else _from_module(module_name)
    found = getattr(module, class_name, None)
    if found is None:
        models = [name for name, value in vars(module).items() if _is_model(value)]
        if not models:
            raise MMABenchError(
                f"{module_name} has no class {class_name!r} and no other subclass of mma_bench.models.Model"
            )
        raise MMABenchError(unknown(f"{module_name} has no class", class_name, models))
    if not _is_model(found):
        raise MMABenchError(
            f"{module_name}: {class_name} is not a subclass of mma_bench.models.Model; derive it from Model"
        )
    checked: type[Model] = found
    return checked


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Model) and value is not Model


def _from_module(name: str) -> ModuleType:
    _search(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            hint = f"; if it is a file, write python:{name}.py:CLASS" if Path(f"{name}.py").is_file() else ""
            raise MMABenchError(
                f"model 'python:{name}:...': there is no module {error.name!r} in the working folder or on "
                f"PYTHONPATH{hint}"
            ) from error
        raise _failed(name, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise MMABenchError(f"model 'python:{path}:...': there is no file {path}; {_FORMS}")
    place = path.resolve()
    # A prefix, because a file called random.py is not the module `random`; a hash, because two files may share a name.
    digest = hashlib.sha256(str(place).encode("utf-8", errors="backslashreplace")).hexdigest()[:12]
    name = f"{USER_FILE}{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    _search(place.parent)
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise MMABenchError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception | SystemExit):
            raise _failed(str(path), error) from error
        raise
    return module


def _search(folder: Path) -> None:
    """Let imports find ``folder``, after everything that is installed, so that its files hide no other modules."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _failed(what: str, error: BaseException) -> MMABenchError:
    return MMABenchError(f"importing {what} failed: {one_line(error)}")
