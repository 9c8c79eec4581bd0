"""Phi-4-multimodal."""

from collections.abc import Mapping
from typing import Any

from mma_bench.errors import MMABenchError
from mma_bench.extras import needs
from mma_bench.models.plain.family import FAMILIES, PlainFamily

_ADAPTERS = {"vision": "vision-lora", "speech": "speech-lora"}
"""Name of each adapter, and its folder in the published checkpoint."""


class Phi4(PlainFamily):
    """Phi-4-multimodal: frames are pictures, and each combination of modalities has its own adapter.

    The published weights see and hear only with an adapter: `vision` if there is a video, also with audio, and `speech`
    for audio alone. A checkpoint without the folders of the adapters is run as it is.
    """

    shares_media = True

    def __init__(self, model: Any, processor: Any, name: str, where: Mapping[str, Any]) -> None:
        super().__init__(model, processor, name, where)
        self._adapters = [adapter for adapter, folder in _ADAPTERS.items() if _has(name, folder, where)]
        if not self._adapters:
            return
        if missing := sorted(set(_ADAPTERS) - set(self._adapters)):
            raise MMABenchError(
                f"transformers:{name} has no adapter {_ADAPTERS[missing[0]]}, which it needs; download it again"
            )
        with needs("the adapters of Phi-4-multimodal", "tune"):
            import peft  # noqa: F401
        for adapter in self._adapters:
            folder = {"subfolder": _ADAPTERS[adapter], "revision": where.get("revision")}
            local = bool(where.get("local_files_only"))
            model.load_adapter(name, adapter_name=adapter, local_files_only=local, adapter_kwargs=folder)
        model.eval()

    def prepare(self, *, video: bool, audio: bool) -> None:
        """Switch to the adapter of what a stimulus has."""
        if not self._adapters:
            return
        if not (video or audio):
            self.model.disable_adapters()
            return
        self.model.enable_adapters()
        self.model.set_adapter("vision" if video else "speech")

    def can_share(self, prefix: int, longest: int) -> bool:
        """Return whether all tokens are on the same side of the length at which the position embeddings change."""
        if self.model.config.rope_parameters.get("rope_type") == "default":
            return True
        limit = int(self.model.config.original_max_position_embeddings)
        return prefix > limit or longest <= limit

    def identity(self) -> dict[str, str]:
        """Return the adapters."""
        return {"adapters": ", ".join(self._adapters) or "none"}


def _has(name: str, folder: str, where: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint has an adapter, as safetensors: transformers would otherwise load a pickle."""
    from transformers.utils.hub import cached_file

    kept = {key: value for key, value in where.items() if key in ("revision", "local_files_only")}
    file = cached_file(
        name, "adapter_model.safetensors", subfolder=folder, _raise_exceptions_for_missing_entries=False, **kept
    )
    return file is not None


FAMILIES.add("Phi4MultimodalForCausalLM", Phi4)
