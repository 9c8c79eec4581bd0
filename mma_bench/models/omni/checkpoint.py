"""Checkpoints on the hub or in a folder: loading, and identifying what was loaded."""

from pathlib import Path
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_file, sha256_json
from mma_bench.models.omni.encode_once import EncodeOnce
from mma_bench.models.omni.head_gain import apply_head_gain
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.thinker import ARCHITECTURES, Thinker

_VIDEO_SETTINGS = ("video_preprocessor_config.json", "preprocessor_config.json", "processor_config.json")
"""Files in which a checkpoint may state how its frames are normalised; the first existing one counts."""


def load_checkpoint(name: str, settings: Settings) -> tuple[EncodeOnce, dict[str, str]]:
    """Load a checkpoint.

    Only safetensors are read, and no code of the checkpoint is run. Of a whole Omni model, only the thinker is loaded.

    Args:
        name: name on the hub, or a folder.
        settings: how to load it.

    Returns:
        The object that answers questions, and the identity of the weights and of the programs that run them.

    Raises:
        MMABenchError: it cannot be loaded, or belongs to no known family.
    """
    with needs("transformers models", "models"):
        import torch
        import transformers
    where: dict[str, Any] = {"revision": settings.revision, "local_files_only": settings.local_files_only}
    try:
        family = _family(name, where)  # before the rest: its package may bring classes of configuration and tokenizer
        _check_settings(name, settings)
        config = transformers.AutoConfig.from_pretrained(name, **where)
        thinker = _thinker(name, family, config, settings, where)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, **where)
        extractor = transformers.WhisperFeatureExtractor.from_pretrained(name, **where)
        stored = _video_settings(name, where)
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise MMABenchError(
            f"transformers:{name} cannot be loaded: {reason[0]} (give a name on the hub or a folder with config.json, "
            "safetensors, tokenizer and preprocessor_config.json)"
        ) from error
    weights = _weights(name, config)
    if settings.head_gain:
        apply_head_gain(thinker, Path(settings.head_gain), weights)
    frame_format = thinker.frame_format(stored, settings.min_pixels, settings.max_pixels)
    identity = {
        "weights": weights,
        "architecture": type(thinker.model).__name__,
        "dtype": str(thinker.model.dtype).removeprefix("torch."),
        "device": thinker.device.type,
        "frame format": str(frame_format),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    return EncodeOnce(thinker, tokenizer, extractor, frame_format, settings), identity


def _check_settings(name: str, settings: Settings) -> None:
    given = {"trust_remote_code": settings.trust_remote_code, "frames_as": settings.frames_as != "auto"}
    if wrong := next((option for option, is_given in given.items() if is_given), None):
        raise MMABenchError(
            f"not for this family: --model-option {wrong}; the media of {name} are prepared by our own code, and "
            "no code of the checkpoint is run; leave it out"
        )


def _family(name: str, where: dict[str, Any]) -> type[Thinker]:
    import transformers

    named = architecture(name, where)
    if named is None:
        transformers.AutoConfig.from_pretrained(name, **where)  # says why there is nothing
    family = ARCHITECTURES.get(named or "none")
    if family is None:
        raise MMABenchError(
            f"transformers:{name} is a {named}; known are {', '.join(ARCHITECTURES.names())}. Serve others with an "
            "OpenAI-compatible server, or add a family: docs/extending.md"
        )
    return family


def architecture(name: str, where: dict[str, Any]) -> str | None:
    """Return the class that a checkpoint's config.json names, `none` if it names none; None without a config.json.

    No code of the checkpoint is run.

    Raises:
        OSError: the hub or the file cannot be read.
    """
    import transformers

    stored, _ = transformers.PretrainedConfig.get_config_dict(name, **where)
    return str((stored.get("architectures") or ["none"])[0]) if stored else None


def other_family(name: str, settings: Settings, *, look: bool = False) -> str | None:
    """Return the class that a checkpoint names if it is of no family in `ARCHITECTURES`.

    Args:
        name: name on the hub, or a folder.
        settings: where to find it.
        look: whether the hub may be asked; otherwise only a folder is read.
    """
    if not name or not (look or Path(name).is_dir()):
        return None
    where = {"revision": settings.revision, "local_files_only": settings.local_files_only}
    try:
        named = architecture(name, where)
    except (OSError, ValueError):
        return None  # whoever loads it says why
    return None if named is None or named in ARCHITECTURES else named


def _thinker(name: str, family: type[Thinker], config: Any, settings: Settings, where: dict[str, Any]) -> Thinker:
    model_class, own = family.transformers_class(), getattr(config, "thinker_config", config)
    found = load_model(model_class, name, own, settings, where, settings.attn_implementation)
    return family(found)


def load_model(
    model_class: Any, name: str, config: Any, settings: Settings, where: dict[str, Any], attention: str | None
) -> Any:
    """Load the weights of a model, on a GPU if there is one.

    Args:
        model_class: class of transformers, with `from_pretrained`.
        name: name on the hub, or a folder.
        config: its configuration.
        settings: type of the weights, and device.
        where: further arguments of `from_pretrained`.
        attention: kernel, or none to let each part of the model choose its own.

    Raises:
        MMABenchError: weights are missing, or do not fit on the GPUs.
    """
    import torch

    model, report = model_class.from_pretrained(
        name,
        output_loading_info=True,
        config=config,
        dtype=settings.dtype if settings.dtype == "auto" else getattr(torch, settings.dtype),
        use_safetensors=True,
        # Without accelerate, transformers accepts no map, so the ordinary case of one device uses none.
        **({"device_map": settings.device_map} if settings.device_map else {}),
        **({"attn_implementation": attention} if attention else {}),
        **where,
    )
    # transformers initialises missing weights randomly and only warns.
    if absent := sorted(report["missing_keys"]):
        raise MMABenchError(f"transformers:{name} lacks {len(absent)} weights, such as {absent[0]}; download it again")
    places = {str(place) for place in getattr(model, "hf_device_map", {}).values()}
    if "disk" in places or ("cpu" in places and len(places) > 1):
        raise MMABenchError(
            f"transformers:{name} does not fit on the GPUs with device_map={settings.device_map}, and weights that are "
            "moved there for every token are too slow for a benchmark; use more GPUs or a smaller model"
        )
    if settings.device_map is None and torch.cuda.is_available():
        model = model.to("cuda")
    return model.eval()


def _video_settings(name: str, where: dict[str, Any]) -> dict[str, Any]:
    from transformers.utils.hub import cached_file

    for file in _VIDEO_SETTINGS:
        path = cached_file(name, file, _raise_exceptions_for_missing_entries=False, **where)
        if path is None:
            continue
        found = parse_json(Path(path).read_text("utf-8"))
        found = found.get("video_processor", found) if isinstance(found, dict) else {}
        if isinstance(found, dict) and "image_mean" in found:
            return found
    return {}


COMMIT = "commit "
"""Prefix of the commit in the identity of weights from the hub."""


def _weights(name: str, config: Any) -> str:
    """Return the commit on the hub, or a hash of all files of a folder."""
    folder = Path(name)
    if folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        return "sha256 " + sha256_json([[path.name, sha256_file(path)] for path in files])
    commit = getattr(config, "_commit_hash", None)
    if not commit:
        raise MMABenchError(
            f"transformers:{name}: the hub did not say which commit was loaded; download it to a folder"
        )
    return f"{COMMIT}{commit}"


def check_checkpoint(name: str) -> str:
    """Return where a checkpoint of transformers is and what it would run on; this opens no connection.

    Raises:
        MMABenchError: the folder is not a checkpoint.
    """
    import torch

    device = f"GPU {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "the CPU (no GPU found)"
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise MMABenchError(f"{folder} has no config.json, so it is not a checkpoint; give another folder")
        where = "a folder"
    elif name.startswith(("/", "./", "../", "~")) or not _could_be_hub_name(name):
        raise MMABenchError(f"there is no folder {name}; give the folder of a checkpoint, or ORG/NAME on a hub")
    else:
        where = "in the hub's cache" if _is_cached(name) else "to be downloaded"
    return f"{where}, on {device}"


def _could_be_hub_name(name: str) -> bool:
    owner, slash, rest = name.partition("/")
    return bool(owner and slash and rest) and "/" not in rest


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json"), str)
