"""Cache of encoded streams for the next stimuli: a clip's video is used in several conditions."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Encoded:
    """One stream after its encoder.

    Attributes:
        tokens: shape [tokens, hidden size].
        deepstack: features that some encoders add to the first layers of the language model, of the shape of
            ``tokens``.
        grid: for video, the number of patches along time, height and width.
        frames: for audio, the number of frames of its spectrum.
    """

    tokens: "torch.Tensor"
    deepstack: tuple["torch.Tensor", ...] = ()
    grid: tuple[int, int, int] | None = None
    frames: int = 0

    @property
    def size(self) -> int:
        """Bytes of the tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in (self.tokens, *self.deepstack))


class EncoderCache:
    """The most recently used streams, up to a number of bytes.

    They are kept in CPU memory: on a GPU, the 23 MB that a 10 s video takes after the encoder of a 7B model are better
    used for the key-value cache, and copying them back is cheap compared with encoding them again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, Encoded] = OrderedDict()
        self._size = 0
        self.hits = 0
        self.misses = 0

    def get(self, key: str, encode: Callable[[], Encoded]) -> Encoded:
        """Return the stream called ``key``, encoding it if it is missing."""
        if key in self._entries:
            self.hits += 1
            self._entries.move_to_end(key)
            return self._entries[key]
        self.misses += 1
        encoded = encode()
        if encoded.size <= self._limit:
            self._entries[key] = encoded
            self._size += encoded.size
        while self._size > self._limit:
            self._size -= self._entries.popitem(last=False)[1].size
        return encoded
