"""One pass over the media for all questions about a stimulus, of models whose cache can be copied.

The inputs up to the last media token run once, with the encoders. Each question continues on a copy of the cache,
whatever its layers keep: keys and values, a sliding window of them, or the state of a Mamba layer. Options continue on
copies of the question's, in one batch.
"""

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.answering import Asked, Reply
from mma_bench.models.plain.inputs import PER_TOKEN

if TYPE_CHECKING:
    import torch

    from mma_bench.models.plain.engine import PlainEngine


CALL_ERRORS = (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError, NotImplementedError)
"""What a model raises that cannot take its inputs."""


class SharedPass:
    """The media of a stimulus, read once.

    Args:
        engine: answers the questions.
        ids: token ids of each question with everything before it, each of shape [1, tokens].
        media: inputs of the first ``length`` tokens, which all questions share.
        length: number of these tokens.

    Attributes:
        ids: see above.
        length: see above.
    """

    def __init__(
        self, engine: "PlainEngine", ids: "Sequence[torch.Tensor]", media: Mapping[str, Any], length: int
    ) -> None:
        self.ids = ids
        self.length = length
        self._engine = engine
        self._media = media
        self._cache = self.read_media()

    @classmethod
    def begin(
        cls, engine: "PlainEngine", first: Mapping[str, Any], others: "Sequence[torch.Tensor]"
    ) -> "SharedPass | None":
        """Read the media, or return none if these questions cannot share it.

        They cannot if something before the end of the media differs, or if there are no media.

        Args:
            engine: answers the questions.
            first: inputs of the first question.
            others: token ids of the other questions.
        """
        ids = [first["input_ids"], *others]
        length = _media_end(ids[0], engine.prompts.placeholders())
        longest = max(one.shape[1] for one in ids) + engine.settings.max_new_tokens
        alike = all(one.shape[1] > length and bool((one[:, :length] == ids[0][:, :length]).all()) for one in ids)
        if not length or not alike or not engine.family.can_share(length, longest):
            return None
        media = {name: value[:, :length] if name in PER_TOKEN else value for name, value in first.items()}
        return cls(engine, ids, media, length)

    def read_media(self, *, whole: bool = False) -> Any:
        """Run the media, and return their cache.

        Args:
            whole: whether all layers see all tokens. Gemma 4 leaves out what no later token looks at.
        """
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._engine.family.text_config)
        # Layers are cut short only if the tokens to keep are given as a number.
        _run(self._engine, self._media, cache, torch.tensor([self.length - 1]) if whole else 1)
        return cache

    def rows(self, rows: Sequence[Sequence[int]], first: int) -> "torch.Tensor":
        """Run rows of token ids after the media, each on a copy of the cache.

        Args:
            rows: all of the same length.
            first: number of the first token whose logits are wanted.

        Returns:
            The logits after each token from that one on, float32 of shape [rows, tokens, vocabulary].
        """
        import torch

        device = self.ids[0].device
        cache = copy.deepcopy(self._cache)
        cache.reorder_cache(torch.zeros(len(rows), dtype=torch.long, device=device))
        keep = torch.arange(first, len(rows[0]), device=device)
        return self._continue(cache, [list(row) for row in rows], self.length, keep)

    def reply(self, number: int, question: Asked) -> Reply:
        """Answer the question with the given number."""
        ids = self.ids[number]
        cache = copy.deepcopy(self._cache)
        first = self._continue(cache, ids[:, self.length :].tolist(), self.length)[0, -1]
        scores = (
            self._scores(cache, ids.shape[1], first, question.options) if self._engine.settings.score_options else {}
        )
        return self._engine.reply(self._decode(cache, ids.shape[1], first), scores, int(ids.shape[1]))

    def _decode(self, cache: Any, length: int, logits: "torch.Tensor") -> list[int]:
        """Take the likeliest token until the answer ends; the cache is used up."""
        engine = self._engine
        answer: list[int] = []
        while (token := int(logits.argmax())) not in engine.stop_ids:
            answer.append(token)
            if len(answer) == engine.settings.max_new_tokens:
                break
            logits = self._continue(cache, [[token]], length + len(answer) - 1)[0, -1]
        return answer

    def _scores(self, cache: Any, length: int, first: "torch.Tensor", options: Sequence[str]) -> dict[str, float]:
        """Return the log-likelihood of each option after a question, from one pass; its cache is left unchanged."""
        import torch

        begins = first.log_softmax(dim=-1)
        tokens = {option: self._engine.prompts.option(option) for option in options}
        scores = {option: float(begins[ids[0]]) for option, ids in tokens.items()}
        longer = {option: ids for option, ids in tokens.items() if len(ids) > 1}
        if not longer:
            return scores
        rows = copy.deepcopy(cache)
        rows.reorder_cache(torch.zeros(len(longer), dtype=torch.long, device=first.device))  # a copy for each option
        width = max(map(len, longer.values())) - 1
        padded = [[*ids[:-1], *[ids[-1]] * (width + 1 - len(ids))] for ids in longer.values()]
        found = self._continue(rows, padded, length)
        for row, (option, ids) in enumerate(longer.items()):
            after = found[row, : len(ids) - 1].log_softmax(dim=-1)
            scores[option] += sum(float(one[token]) for one, token in zip(after, ids[1:], strict=True))
        return scores

    def _continue(
        self, cache: Any, ids: list[list[int]], before: int, keep: "torch.Tensor | int" = 0
    ) -> "torch.Tensor":
        """Run more tokens; the cache grows.

        Args:
            cache: of one row, or as many as ``ids``.
            ids: the tokens of each row. Padding at the end changes nothing before it.
            before: number of tokens in the cache.
            keep: see `_run`.

        Returns:
            The logits after each of these tokens, float32 of shape [rows, tokens, vocabulary].
        """
        import torch

        device = self.ids[0].device
        mask = torch.ones((len(ids), before + len(ids[0])), dtype=torch.long, device=device)
        given = {"input_ids": torch.tensor(ids, device=device), "attention_mask": mask}
        return _run(self._engine, given, cache, keep)


def _run(
    engine: "PlainEngine", inputs: Mapping[str, Any], cache: Any, keep: "torch.Tensor | int" = 1
) -> "torch.Tensor":
    """Return the logits of a pass.

    Args:
        engine: the model.
        inputs: of the pass.
        cache: of what was read before; it grows.
        keep: after how many of the last tokens, as those of all media take gigabytes (0: all), or after which.
    """
    import torch

    model = engine.family.model
    takes = inspect.signature(model.forward).parameters
    fewer = {"logits_to_keep": keep} if "logits_to_keep" in takes else {}
    try:
        logits = model(**inputs, **fewer, past_key_values=cache, use_cache=True).logits
    except CALL_ERRORS as error:
        raise failed(model, "forward", error) from error
    if isinstance(keep, torch.Tensor) and logits.shape[1] != len(keep):
        logits = logits[:, keep]
    return checked(logits, model)


def _media_end(ids: "torch.Tensor", placeholders: set[int]) -> int:
    """Return the number of tokens up to the last media token, 0 if there is none."""
    places = [place for place, token in enumerate(ids[0].tolist()) if token in placeholders]
    return places[-1] + 1 if places else 0


def checked(logits: "torch.Tensor", model: Any) -> "torch.Tensor":
    """Return logits as float32.

    Raises:
        MMABenchError: they are not finite.
    """
    import torch

    found = logits.float()
    if not torch.isfinite(found).all():
        raise MMABenchError(
            f"the model computes no finite numbers in {model.dtype}; use --model-option dtype=bfloat16 or dtype=float32"
        )
    return found


def failed(model: Any, call: str, error: Exception, more: str = "") -> Exception:
    """Return what to raise if a model failed; an error about the GPU's memory is explained elsewhere."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return error
    reason = " ".join(str(error).split()) or type(error).__name__
    return MMABenchError(f"{type(model).__name__}.{call} failed on the inputs of its own processor: {reason}{more}")
