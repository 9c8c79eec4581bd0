"""Similarity of two names in meaning, by the text-embedding model all-MiniLM-L6-v2."""

from collections.abc import Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from mma_bench.files.hashing import sha256_json
from mma_bench.models.cascade.embedding_store import EmbeddingStore
from mma_bench.models.cascade.torch_threads import torch_threads
from mma_bench.models.cascade.weights import (
    TEXT_CONFIG,
    TEXT_MODEL,
    TOKENIZER,
    TOKENIZER_CONFIG,
    require_runtime,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST = 256
"""Maximum number of tokens, as in the training of the embedding model."""

_WIDTH = 384
"""Values of an embedding."""


class TextMatcher:
    """Compares labels with options.

    Texts are embedded one at a time and kept, also between runs: a text then always has the same embedding, bit for
    bit, which padding in a batch does not guarantee. Each text takes 6 to 20 ms once.

    Args:
        threads: processor threads.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._embeddings: dict[str, NDArray[np.float32]] = {}
        model = sha256_json([file.sha256 for file in (TEXT_MODEL, TEXT_CONFIG, TOKENIZER, TOKENIZER_CONFIG)])
        self._store = EmbeddingStore(model, threads=threads, width=_WIDTH)
        self._phrases: dict[tuple[str, ...], tuple[NDArray[np.float32], list[int]]] = {}

    def likeness(self, meanings: Sequence[str], options: Sequence[str]) -> "NDArray[np.float32]":
        """Return the similarity of each label to each option, 1 for equal, about 0 for unrelated.

        For an option with several meanings (see `class_glossary.yaml`), the most similar one counts.

        Args:
            meanings: texts of the labels.
            options: class names, underscores allowed.

        Returns:
            Array of shape [labels, options].
        """
        import numpy as np

        phrases, starts = self._option_phrases(tuple(options))
        labels = self._embed(meanings)
        return np.maximum.reduceat(labels @ phrases.T, starts, axis=1)

    def _option_phrases(self, options: tuple[str, ...]) -> "tuple[NDArray[np.float32], list[int]]":
        """Return the embeddings of all phrases of all options, and the position of each option's first phrase."""
        import numpy as np

        if options not in self._phrases:
            phrases = [phrases_of(option) for option in options]
            starts = [0, *np.cumsum([len(group) for group in phrases])[:-1].tolist()]
            self._phrases[options] = self._embed([phrase for group in phrases for phrase in group]), starts
        return self._phrases[options]

    def _embed(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Return the embeddings of ``texts``: shape [texts, 384], each of length 1."""
        import numpy as np

        # Half a surrogate pair, which JSON can hold, can be neither tokenised nor stored.
        texts = [text.encode("utf-8", errors="replace").decode("utf-8") for text in texts]
        if new := [text for text in dict.fromkeys(texts) if text not in self._embeddings]:
            self._embeddings.update(self._store.read(new))
            made = {text: self._compute(text) for text in new if text not in self._embeddings}
            if made:
                self._store.add(made)
                self._embeddings.update(made)
        return np.stack([self._embeddings[text] for text in texts])

    def _compute(self, text: str) -> "NDArray[np.float32]":
        import torch

        tokenizer, model = self._model
        tokens = tokenizer(text, truncation=True, max_length=_LONGEST, return_tensors="pt")
        with torch_threads(self._threads), torch.inference_mode():
            mean = model(**tokens).last_hidden_state[0].mean(dim=0)
            embedding: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=0).numpy()
        return embedding

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        require_runtime("torch")
        require_runtime("transformers")
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        for file in (TEXT_CONFIG, TOKENIZER, TOKENIZER_CONFIG):
            file.locate()
        folder = TEXT_MODEL.locate().parent
        showed_progress = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
        finally:
            if showed_progress:
                logging.enable_progress_bar()
        return tokenizer, model.eval()


def phrases_of(option: str) -> list[str]:
    """Return the phrases for a class name: the name in plain words, and additions from the glossary."""
    return [option.replace("_", " "), *_glossary().get(option, [])]


def glossary_bytes() -> bytes:
    """Return the glossary file, for the fingerprint."""
    return files(__package__).joinpath("class_glossary.yaml").read_bytes()


@cache
def _glossary() -> dict[str, list[str]]:
    import yaml

    entries: dict[str, list[str]] = yaml.safe_load(glossary_bytes())
    return entries
