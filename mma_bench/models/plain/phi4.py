"""Phi-4-multimodal."""

from collections.abc import Mapping
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.models.plain.family import FAMILIES, PlainFamily

_ADAPTERS = {"vision": "vision-lora", "speech": "speech-lora"}
"""Name of each adapter, and its folder in the published checkpoint."""

_PREFIX = "base_model.model."
"""What peft writes before the name of a weight."""


class Phi4(PlainFamily):
    """Phi-4-multimodal: frames are pictures, and each combination of modalities has its own adapter.

    The published weights see and hear only with an adapter: `vision` if there is a video, also with audio, and `speech`
    for audio alone. A checkpoint without the folders of the adapters is run as it is.
    """

    shares_media = True

    def __init__(self, model: Any, processor: Any, name: str, where: Mapping[str, Any]) -> None:
        super().__init__(model, processor, name, where)
        files = {adapter: _file(name, folder, where) for adapter, folder in _ADAPTERS.items()}
        self._adapters = [adapter for adapter, file in files.items() if file]
        if self._adapters and len(self._adapters) < len(files):
            missing = next(folder for adapter, folder in _ADAPTERS.items() if not files[adapter])
            raise MMABenchError(f"transformers:{name} has no adapter {missing}, which it needs; download it again")
        for adapter in self._adapters:
            _load(model, adapter, str(files[adapter]), name, where)
        model.eval()

    def prepare(self, *, video: bool, audio: bool) -> None:
        """Switch to the adapter of what a stimulus has."""
        if not self._adapters:
            return
        from peft.tuners.tuners_utils import BaseTunerLayer

        for layer in self.model.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.enable_adapters(video or audio)
                if video or audio:
                    layer.set_adapter("vision" if video else "speech")

    def can_share(self, prefix: int, longest: int) -> bool:
        """Return whether all tokens are on the same side of the length at which the position embeddings change."""
        if self.model.config.rope_parameters.get("rope_type") == "default":
            return True
        limit = int(self.model.config.original_max_position_embeddings)
        return prefix > limit or longest <= limit

    def identity(self) -> dict[str, str]:
        """Return the adapters."""
        return {"adapters": ", ".join(self._adapters) or "none"}


def _file(name: str, folder: str, where: Mapping[str, Any]) -> str | None:
    """Return the weights of an adapter, which must be safetensors."""
    from transformers.utils.hub import cached_file

    kept = {key: value for key, value in where.items() if key in ("revision", "local_files_only")}
    found: str | None = cached_file(
        name, "adapter_model.safetensors", subfolder=folder, _raise_exceptions_for_missing_entries=False, **kept
    )
    return found


def _load(model: Any, adapter: str, file: str, name: str, where: Mapping[str, Any]) -> None:
    """Add an adapter to a model.

    `load_adapter` of transformers 5.23 counts each weight whose name contains the adapter's as one of the adapter, and
    draws those that the file lacks: the model's projectors for vision and speech, and the other adapter.

    Raises:
        MMABenchError: the file does not fit.
    """
    import torch
    from safetensors.torch import load_file

    with needs("the adapters of Phi-4-multimodal", "tune"):
        import peft
    kept = {"revision": where.get("revision"), "local_files_only": bool(where.get("local_files_only"))}
    config = peft.LoraConfig.from_pretrained(name, subfolder=_ADAPTERS[adapter], **kept)
    config.inference_mode = True
    peft.inject_adapter_in_model(config, model, adapter_name=adapter)
    stored, marker = load_file(file), f".{adapter}.weight"
    with torch.no_grad():
        for parameter, value in model.named_parameters():
            if ".lora_" in parameter and parameter.endswith(marker):
                key = f"{_PREFIX}{parameter.removesuffix(marker)}.weight"
                if key not in stored or stored[key].shape != value.shape:
                    raise MMABenchError(f"transformers:{name}: {_ADAPTERS[adapter]} has no weight {key} that fits")
                value.copy_(stored.pop(key))
    if stored:
        raise MMABenchError(f"transformers:{name}: {_ADAPTERS[adapter]} has a weight too many: {sorted(stored)[0]}")


FAMILIES.add("Phi4MultimodalForCausalLM", Phi4)
