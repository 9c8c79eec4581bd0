"""One token for each picture and for each second of audio; copied into a checkpoint as its own code."""

import numpy as np
import torch
from transformers import BatchFeature, ProcessorMixin


class Seconds:
    sampling_rate = 8_000


class TinyProcessor(ProcessorMixin):
    tokenizer_class = "AutoTokenizer"

    def __init__(self, tokenizer=None, chat_template=None):
        super().__init__(tokenizer, chat_template=chat_template)
        self.image_token, self.audio_token = "<image>", "<audio>"
        self.image_processor, self.feature_extractor = "means of quarters", Seconds()

    def __call__(self, text=None, images=None, videos=None, audio=None, return_tensors=None, **more):
        found = {}
        if images:
            found["pixel_values"] = torch.stack([self._look(one) for one in images[0]])
        if audio:
            rows = [torch.from_numpy(np.resize(part, 8_000)).view(8, -1) for part in self._seconds(audio[0])]
            found["input_features"] = torch.stack([row.std(dim=1) * 10 for row in rows])
            text = text.replace(self.audio_token, self.audio_token * len(rows))
        return BatchFeature({**self.tokenizer([text], return_tensors="pt", add_special_tokens=False), **found})

    def _look(self, image):
        pixels = torch.from_numpy(np.array(image, dtype=np.float32)) / 255
        return torch.nn.functional.adaptive_avg_pool2d(pixels.permute(2, 0, 1), 2).flatten()

    def _seconds(self, samples):
        return [samples[start : start + 8_000] for start in range(0, len(samples), 8_000)]
