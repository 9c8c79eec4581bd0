"""Answers of a checkpoint of any family: its processor, its `generate`, and a pass for the options.

Where the family allows it, questions about a stimulus share one pass over its media, see `shared.py`. Otherwise each
question is a separate pass, and so is each option of more than one token.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mma_bench.models.omni.answering import Asked, Reply
from mma_bench.models.omni.encode_once import AudioStream, VideoStream
from mma_bench.models.omni.settings import Settings
from mma_bench.models.plain.family import PlainFamily
from mma_bench.models.plain.inputs import PER_TOKEN, Prompts
from mma_bench.models.plain.shared import CALL_ERRORS, SharedPass, checked, failed

if TYPE_CHECKING:
    import torch


class PlainEngine:
    """Answers questions with a model of any family.

    Attributes:
        family: the model, and what is particular to its family.
        settings: how it is used.
        prompts: makes the inputs.
        stop_ids: tokens that end an answer.
        passes: number of passes over media so far.
    """

    def __init__(self, family: PlainFamily, settings: Settings) -> None:
        self.family = family
        self.settings = settings
        self.prompts = Prompts(family, settings)
        self.stop_ids = _stop_ids(family.model, self.prompts.tokenizer)
        self.passes = 0

    def answer(self, video: VideoStream | None, audio: AudioStream | None, questions: Sequence[Asked]) -> list[Reply]:
        """Answer questions about video, audio, both or neither; what the processor does not take is left out.

        Raises:
            MMABenchError: a stream or a question cannot be used, or the model fails.
        """
        import torch

        media = self.prompts.media(video, audio)
        self.family.prepare(video=media.frames is not None, audio=media.samples is not None)
        shared: SharedPass | None = None
        replies: list[Reply] = []
        with torch.inference_mode():
            if self.family.shares_media and questions:
                first, *others = (self.prompts.inputs(media, one.prompt) for one in questions)
                shared = SharedPass.begin(self, first, [one["input_ids"] for one in others])
            for number, question in enumerate(questions):
                if shared:
                    replies.append(shared.reply(number, question))
                else:
                    replies.append(self._reply(self.prompts.inputs(media, question.prompt), question))
        self.passes += 1 if shared else len(questions)
        return replies

    def _reply(self, inputs: Mapping[str, Any], question: Asked) -> Reply:
        ids = self._generate(inputs)
        scores = self._scores(inputs, question.options) if self.settings.score_options else {}
        return self.reply(ids, scores, int(inputs["input_ids"].shape[1]))

    def reply(self, ids: Sequence[int], scores: Mapping[str, float], input_tokens: int) -> Reply:
        """Return an answer of the tokens ``ids``."""
        text = str(self.prompts.tokenizer.decode(list(ids), skip_special_tokens=True))
        tokens = {option: len(self.prompts.option(option)) for option in scores}
        return Reply(text, tuple(ids), dict(scores), tokens, input_tokens=input_tokens)

    def _generate(self, inputs: Mapping[str, Any]) -> list[int]:
        """Return the answer of the model's own `generate`, without the token that ended it."""
        model, asked = self.family.model, inputs["input_ids"]
        try:
            written = model.generate(
                **inputs,
                do_sample=False,
                num_beams=1,
                repetition_penalty=1.0,
                max_new_tokens=self.settings.max_new_tokens,
                eos_token_id=self.stop_ids or None,
                pad_token_id=self.stop_ids[0] if self.stop_ids else 0,
            )
        except CALL_ERRORS as error:
            raise failed(model, "generate", error) from error
        found = getattr(written, "sequences", written)[0]
        width = asked.shape[1]
        if found.shape[0] >= width and bool((found[:width] == asked[0]).all()):  # some return the answer alone
            found = found[width:]
        ids: list[int] = found.tolist()
        ends = [place for place, token in enumerate(ids) if token in self.stop_ids]
        return ids[: ends[0]] if ends else ids

    def _scores(self, inputs: Mapping[str, Any], options: Sequence[str]) -> dict[str, float]:
        """Return the log-likelihood of each option: one pass for all first tokens, and one per longer option."""
        tokens = {option: self.prompts.option(option) for option in options}
        if not tokens:
            return {}
        first = self._logits(inputs, [], 1)[0]
        scores = {option: float(first[ids[0]]) for option, ids in tokens.items()}
        for option, ids in tokens.items():
            if len(ids) > 1:
                found = self._logits(inputs, ids[:-1], len(ids) - 1)
                scores[option] += sum(float(row[token]) for row, token in zip(found, ids[1:], strict=True))
        return scores

    def _logits(self, inputs: Mapping[str, Any], more: Sequence[int], last: int) -> "torch.Tensor":
        """Return the log-likelihoods after each of the ``last`` last tokens of prompt and ``more``."""
        longer = extended(inputs, more)
        model = self.family.model
        try:
            logits = model(**longer, use_cache=False).logits
        except CALL_ERRORS as error:
            raise failed(model, "forward", error, "; --model-option score_options=false asks without scores") from error
        return checked(logits[0, -last:], model).log_softmax(dim=-1)


def extended(inputs: Mapping[str, Any], more: Sequence[int]) -> dict[str, Any]:
    """Return inputs with the text ``more``, token ids, after the prompt."""
    import torch

    found = dict(inputs)
    for name in PER_TOKEN if more else ():
        value = found.get(name)
        if value is not None:
            added = list(more) if name == "input_ids" else [int(name == "attention_mask")] * len(more)
            found[name] = torch.cat([value, value.new_tensor([added])], dim=1)
    return found


def _stop_ids(model: Any, tokenizer: Any) -> list[int]:
    """Return the tokens that end an answer: those that the checkpoint names."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    stored = named if isinstance(named, list) else [named]
    return sorted({int(token) for token in [*stored, tokenizer.eos_token_id] if token is not None})
