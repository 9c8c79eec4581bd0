"""A language model with a projection for pictures and one for audio; copied into a checkpoint as its own code."""

import torch
from transformers import LlamaForCausalLM

from .configuration_tiny import TinyConfig


class TinyOmni(LlamaForCausalLM):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.see = torch.nn.Linear(12, config.hidden_size)
        self.hear = torch.nn.Linear(8, config.hidden_size)
        self.post_init()

    def forward(self, input_ids=None, pixel_values=None, input_features=None, inputs_embeds=None, **more):
        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
            for token, layer, given in (
                (self.config.image_token_id, self.see, pixel_values),
                (self.config.audio_token_id, self.hear, input_features),
            ):
                places = input_ids == token
                if given is not None and places.any():
                    inputs_embeds = inputs_embeds.masked_scatter(places[..., None], layer(given))
        return super().forward(inputs_embeds=inputs_embeds, **more)
