"""`+adaptive`: the model first says which modality a question needs, then its branches are weighed by that.

Modality-adaptive decoding, MAD (Chung et al., arXiv 2601.21181; weights as in the authors' code, top-yun/MAD,
`qwen-omni/utils.py`). After both streams, the model is asked

    Question: {question}
    To answer this question, which modality is needed (audio, video, or both):

and w_a, w_v, w_b are the softmax over the log-likelihoods of "audio", "video" and "both" as its answer. The next token
is the likeliest of

      (2 + 2 gamma w_b)          * logit(y | video, audio, question)
    + (1 - gamma (w_b - w_v))    * logit(y | video, question)
    + (1 - gamma (w_b - w_a))    * logit(y | audio, question)
    - gamma (w_v + w_a)          * logit(y | question)

gamma = 0.5 is the default of the authors' code. The benchmark's labels are not used: the model alone decides what a
question is about. Four branches and one short question per question; the streams are encoded once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from mma_bench.models.omni.branches import Branch, Branches, Mixture
from mma_bench.models.wrappers.blending import Blending
from mma_bench.models.wrappers.wrapper import Setting, wrapper
from mma_bench.schema import Question

QUERY = "Question: {question}\nTo answer this question, which modality is needed (audio, video, or both):"
AUDIO, VIDEO, BOTH = WORDS = ("audio", "video", "both")


@wrapper
class Adaptive(Blending):
    """+adaptive: the model says which modality a question needs, and its branches are weighed by that (MAD)."""

    suffix = "adaptive"
    settings: ClassVar = {"gamma": Setting(0.5, "strength of the contrast between the branches")}

    def describe(self) -> str:
        """Return version, settings and the query."""
        return f"{super().describe()} {QUERY}"

    def mixtures(self, branches: Branches, questions: Sequence[Question]) -> list[tuple[Mixture, int]]:
        """Ask the model what each question needs, and weigh its branches."""
        queries = [QUERY.format(question=question.prompt) for question in questions]
        return [
            (weighed(needed(scores), self.values["gamma"]), read) for scores, read in branches.weigh(queries, WORDS)
        ]


def needed(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the probability of each modality from log-likelihoods of `WORDS`."""
    top = max(scores[word] for word in WORDS)
    shares = {word: math.exp(scores[word] - top) for word in WORDS}
    total = sum(shares.values())
    return {word: share / total for word, share in shares.items()}


def weighed(needs: Mapping[str, float], gamma: float) -> Mixture:
    """Return the mixture for the probabilities of `WORDS`; its weights add up to 4."""
    audio, video, both = needs[AUDIO], needs[VIDEO], needs[BOTH]
    return Mixture(
        {
            Branch.BOTH: 2 + 2 * gamma * both,
            Branch.VIDEO: 1 - gamma * (both - video),
            Branch.AUDIO: 1 - gamma * (both - audio),
            Branch.TEXT: -gamma * (video + audio),
        }
    )
