"""Optional packages: which extra installs them, and one line instead of a traceback when one is missing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec

from mma_bench.errors import MMABenchError

_EXTRAS = {
    "models": ("torch", "torchcodec", "transformers", "accelerate", "onnxruntime", "cv2"),
    "endpoints": ("google", "httpx2", "openai", "PIL", "tenacity"),
    "train": ("webdataset",),
    "tune": ("peft", "tensorboard"),
    "build": ("datatrove", "ffmpeg", "librosa", "yt_dlp", "yt_dlp_ejs", "zstandard", "multiprocess"),
    "review": ("gradio", "gradio_client", "fastapi", "uvicorn", "starlette", "statsmodels"),
    "ray": ("ray",),
    "voice": ("espeakng_loader",),
}
"""Modules that each extra of pyproject.toml installs; of a module in two extras, the first that people need."""


def install_command(*extras: str) -> str:
    """Return the command that installs ``extras``.

    No package index has mma-bench: pip finds the installed package, or the checkout in which the command runs.
    """
    wanted = f"[{','.join(extras)}]"
    try:
        distribution("mma-bench")
    except PackageNotFoundError:
        return f"pip install '.{wanted}' in the checkout"
    return f"pip install 'mma-bench{wanted}'"


def missing_package(error: ImportError, what: str = "this", *extras: str) -> str | None:
    """Return what to say about a failed import, or none if it is not about an optional package.

    Args:
        error: the failure.
        what: what needs the package.
        extras: what installs all that ``what`` needs; by default the extra that has the module.
    """
    module = (error.name or "").partition(".")[0]
    owners = extras or tuple(extra for extra, modules in _EXTRAS.items() if module in modules)[:1]
    if not module or module in ("mma_bench", "builder") or not owners or is_installed(module):
        return None
    return f"{what} needs the package {module}, which is not installed: {install_command(*owners)}"


@contextmanager
def needs(what: str, *extras: str) -> Iterator[None]:
    """Turn an import that fails inside the block into one line that says what to install.

    Args:
        what: what needs the packages, such as `--model cascade`.
        extras: extras of pyproject.toml that install them.

    Raises:
        MMABenchError: a package is missing.
    """
    try:
        yield
    except ImportError as error:
        message = missing_package(error, what, *extras)
        if message is None:
            raise
        raise MMABenchError(message) from error


def require(what: str, modules: Sequence[str], *extras: str) -> None:
    """Check that packages are installed, without importing them.

    Args:
        what: what needs them.
        modules: their modules.
        extras: extras of pyproject.toml that install them.

    Raises:
        MMABenchError: one is missing.
    """
    if absent := [module for module in modules if not is_installed(module)]:
        packages = f"package{'s' if len(absent) > 1 else ''} {', '.join(absent)}, which "
        are = "are" if len(absent) > 1 else "is"
        raise MMABenchError(f"{what} needs the {packages}{are} not installed: {install_command(*extras)}")


def is_installed(module: str) -> bool:
    """Return whether ``module`` can be found. One that is there but fails to import is another problem."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False
