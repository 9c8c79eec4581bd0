"""`+contrast`: contrastive decoding against the model without the asked stream.

Visual contrastive decoding (Leng et al., arXiv 2311.16922), extended to audio. With x the question, v the stream that
it asks about and o the other stream, the next token is the likeliest of

    (1 + alpha) * logit(y | v, o, x) - alpha * logit(y | o, x)

among all tokens y with p(y | v, o, x) >= beta * max p(. | v, o, x).

What the model would say without the asked stream, from the other stream and the text, is subtracted. The paper distorts
the picture with noise; here the asked stream is left out, because there is no established equivalent for audio.
alpha = 1 and beta = 0.1 are the paper's. With beta = 0 every token is allowed.

Two branches per question, three per stimulus with both questions; the streams are encoded once. Questions that do
not concern one modality and requests for captions are decoded as they are.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from mma_bench.dataset.load import Sample
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.omni.branches import Branch, Branches, Mixture
from mma_bench.models.wrappers.blending import PLAIN, Blending
from mma_bench.models.wrappers.wrapper import Setting, concerns_one_modality, wrapper
from mma_bench.schema import Modality, Question

WITHOUT = {Modality.VISUAL: Branch.AUDIO, Modality.AUDIO: Branch.VIDEO}
"""The branch without the asked stream."""


@wrapper
class Contrast(Blending):
    """+contrast: logits against those without the asked stream (visual contrastive decoding, also for audio)."""

    suffix = "contrast"
    settings: ClassVar = {
        "alpha": Setting(1.0, "strength of the contrast"),
        "beta": Setting(0.1, "share of the likeliest token's probability that a token must have", highest=1.0),
    }

    def mixtures(self, branches: Branches, questions: Sequence[Question]) -> list[tuple[Mixture, int]]:
        """Return the contrast for questions about one modality."""
        alpha, beta = self.values["alpha"], self.values["beta"]
        return [
            (Mixture({Branch.BOTH: 1 + alpha, WITHOUT[one.modality]: -alpha}, beta), 0)
            if concerns_one_modality(one)
            else (PLAIN, 0)
            for one in questions
        ]

    def check_all(
        self, requests: Sequence[tuple[Sample, Sequence[Check]]]
    ) -> Iterator[tuple[Sample, list[CheckAnswer]]]:
        """Answer the checks of each stimulus; those about both modalities as the model does."""
        for sample, checks in requests:
            found: dict[str, CheckAnswer] = {}
            for asked, ask in ((True, super().check_all), (False, self.model.check_all)):
                some = [check for check in checks if concerns_one_modality(check) is asked]
                for _, answers in ask([(sample, some)]) if some else ():
                    found.update((answer.name, answer) for answer in answers)
            yield sample, [found[check.name] for check in checks]
