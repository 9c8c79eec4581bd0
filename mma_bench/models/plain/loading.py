"""Loading a checkpoint of any family with its own processor, and identifying what was loaded."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.models.omni.checkpoint import COMMIT, load_model
from mma_bench.models.omni.head_gain import apply_head_gain
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.thinker import ARCHITECTURES
from mma_bench.models.plain.engine import PlainEngine
from mma_bench.models.plain.family import PlainFamily, family_of
from mma_bench.registry import one_line

_USED = frozenset(
    (
        *("dtype", "device_map", "attn_implementation", "fps", "max_new_tokens", "score_options", "system_prompt"),
        *("head_gain", "revision", "local_files_only", "trust_remote_code", "frames_as"),
    )
)
"""Settings that mean something here; others belong to the families whose media are encoded by our own code."""

_AUTO = ("AutoModelForMultimodalLM", "AutoModelForImageTextToText", "AutoModelForSeq2SeqLM", "AutoModelForCausalLM")
_MAY_NAME_CODE = ("config.json", "processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PACKAGES = ("torch", "transformers", "torchvision", "pillow", "timm", "peft")


def load_plain(name: str, named: str, settings: Settings) -> tuple[PlainEngine, dict[str, str]]:
    """Load a checkpoint of a family that our own code does not encode.

    Args:
        name: name on the hub, or a folder.
        named: class that its config.json names.
        settings: how to load it. Code of the checkpoint is run only with `trust_remote_code`.

    Returns:
        The object that answers questions, and the identity of the weights, the code and the programs that run them.

    Raises:
        MMABenchError: it cannot be loaded, or a setting does not apply to it.
    """
    with needs("transformers models", "models"):
        import transformers
    _check_settings(name, named, settings)
    where: dict[str, Any] = {"revision": settings.revision, "local_files_only": settings.local_files_only}
    try:
        remote = _remote_code(name, settings, where)
        where["trust_remote_code"] = remote
        config = transformers.AutoConfig.from_pretrained(name, **where)
        if commit := getattr(config, "_commit_hash", None):
            where["revision"] = commit
        processor = transformers.AutoProcessor.from_pretrained(name, **where)
        if not hasattr(processor, "tokenizer"):
            raise ValueError("it has no processor that takes video or audio")
        # Some encoders have no sdpa: transformers takes it where it can, unless it is told to.
        attention = None if settings.attn_implementation == "sdpa" else settings.attn_implementation
        model = load_model(_model_class(config, named, remote), name, config, settings, where, attention)
        family = family_of(type(model).__name__)(model, processor, name, where)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise MMABenchError(
            f"transformers:{name} is a {named}; known are {', '.join(ARCHITECTURES.names())}. Others run through their "
            f"own processor and `generate`, which failed here: {_reason(error)}"
        ) from error
    weights = _weights(name, where["revision"])
    if settings.head_gain:
        _apply_gain(family, named, settings, weights)
    engine = PlainEngine(family, settings)
    return engine, {"weights": weights, **_identity(engine, remote)}


def _check_settings(name: str, named: str, settings: Settings) -> None:
    given = settings.model_dump(exclude_defaults=True)
    if wrong := sorted(set(given) - _USED):
        raise MMABenchError(
            f"not for this family: --model-option {wrong[0]}. {name} is a {named}, whose own processor prepares the "
            f"media; leave it out (usable are {', '.join(sorted(_USED))})"
        )


def _remote_code(name: str, settings: Settings, where: dict[str, Any]) -> bool:
    """Return whether code of the checkpoint is run.

    Raises:
        MMABenchError: it may not be run, or nothing would say later which code it was.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    stored = {file: _json(name, file, where) for file in _MAY_NAME_CODE}
    classes = [place for one in stored.values() for place in _named(one.get("auto_map"))]
    config = stored["config.json"]
    if not settings.trust_remote_code:
        if config.get("auto_map") and config.get("model_type") not in CONFIG_MAPPING:
            raise MMABenchError(
                f"transformers:{name} brings its own code ({classes[0]}), as transformers does not have its family; "
                "read the code, then allow it with --model-option trust_remote_code=true"
            )
        return False
    if not classes:
        raise MMABenchError(f"transformers:{name} has no code of its own; leave out --model-option trust_remote_code")
    if elsewhere := [place for place in classes if "--" in place]:
        raise MMABenchError(
            f"transformers:{name} takes code from another repository ({elsewhere[0]}), whose commit would not be "
            "recorded; download both into one folder"
        )
    if not Path(name).is_dir() and not _COMMIT.fullmatch(settings.revision or ""):
        raise MMABenchError(
            f"transformers:{name}: trust_remote_code needs the commit that you have read: --model-option "
            "revision=COMMIT, 40 hexadecimal digits"
        )
    return True


def _json(name: str, file: str, where: dict[str, Any]) -> dict[str, Any]:
    from transformers.utils.hub import cached_file

    path = cached_file(name, file, _raise_exceptions_for_missing_entries=False, **where)
    found = parse_json(Path(path).read_text("utf-8")) if path else {}
    return found if isinstance(found, dict) else {}


def _named(value: Any) -> list[str]:
    """Return the places of code that an `auto_map` names; those of tokenizers are in lists."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [place for one in value for place in _named(one)]
    return [value] if isinstance(value, str) else []


def _model_class(config: Any, named: str, remote: bool) -> Any:
    """Return the class of the model, which must write text."""
    import transformers

    found = [getattr(transformers, auto) for auto in _AUTO if hasattr(transformers, auto)]
    if remote:
        own = getattr(config, "auto_map", None) or {}
        for auto in [*found, transformers.AutoModel]:
            if auto.__name__ in own:
                return auto
    own_class = getattr(transformers, named, None)
    if hasattr(own_class, "generate"):
        return own_class
    for auto in found:
        if type(config) in auto._model_mapping:
            return auto
    raise ValueError(f"transformers has no class that writes text for {type(config).__name__}")


def _apply_gain(family: PlainFamily, named: str, settings: Settings, weights: str) -> None:
    if not family.shares_media:
        raise MMABenchError(
            f"not for this family: --model-option head_gain scales heads where the question is read, and {named} reads "
            "media and question in one pass; leave it out"
        )
    try:
        apply_head_gain(family, Path(str(settings.head_gain)), weights)
    except AttributeError as error:
        raise MMABenchError(
            f"not for this family: --model-option head_gain; {named} has layers without attention heads; leave it out"
        ) from error


def _weights(name: str, commit: str | None) -> str:
    """Return the commit on the hub, or a hash of all files of a folder and below: adapters and code may be there."""
    folder = Path(name)
    if folder.is_dir():
        files = sorted(
            path.relative_to(folder)
            for path in folder.rglob("*")
            if path.is_file()
            and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
        )
        return "sha256 " + sha256_json([[path.as_posix(), sha256_file(folder / path)] for path in files])
    if not commit:
        raise MMABenchError(
            f"transformers:{name}: the hub did not say which commit was loaded; download it to a folder"
        )
    return f"{COMMIT}{commit}"


def _identity(engine: PlainEngine, remote: bool) -> dict[str, str]:
    family = engine.family
    model, device = family.model, next(family.model.parameters()).device
    return {
        "architecture": type(model).__name__,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": device.type,
        "path": "own processor, " + ("one pass over the media" if family.shares_media else "one pass per question"),
        "processor": type(family.processor).__name__,
        "frames": engine.prompts.frames_as,
        "code": "of the checkpoint" if remote else "of transformers",
        **family.identity(),
        **{package: found for package in _PACKAGES if (found := _version(package))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return one_line(error)
    whole, end, _ = lines[0].rpartition(". ")
    return f"{whole}." if end and lines[0][-1].isalpha() else lines[0]  # one that goes on below is cut
