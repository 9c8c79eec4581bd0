"""The configuration of a model that transformers does not have; copied into a checkpoint as its own code."""

from transformers import LlamaConfig


class TinyConfig(LlamaConfig):
    model_type = "tiny_omni"

    def __init__(self, image_token_id: int = 0, audio_token_id: int = 0, **more: object) -> None:
        super().__init__(**more)
        self.image_token_id = image_token_id
        self.audio_token_id = audio_token_id
