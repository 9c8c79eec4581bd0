"""Evaluation on the held-out clips."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mma_bench.evaluation.statistics.estimate import Estimate
from mma_bench.evaluation.statistics.share import share
from mma_bench.tuning.answers import answer_logits
from mma_bench.tuning.example import Asked, Example
from mma_bench.tuning.model import TunedModel
from mma_bench.tuning.objective import cross_entropy


@dataclass(frozen=True)
class HeldOutScore:
    """Scores on the held-out clips.

    Attributes:
        accuracy: share of questions whose target greedy decoding produces, including its end; its interval allows for
            several questions about one clip.
        loss: mean loss.
        by_condition: accuracy of each `condition/modality`.
        questions: how many were asked.
    """

    accuracy: Estimate
    loss: float
    by_condition: dict[str, Estimate]
    questions: int

    @property
    def score(self) -> tuple[float, float]:
        """Key for comparison: higher is better."""
        return self.accuracy.value, -self.loss


def score_held_out(model: TunedModel, examples: Sequence[Example], micro_batch: int, accelerator: Any) -> HeldOutScore:
    """Score ``examples``, shared among the processes.

    No answer is generated: greedy decoding produces the target if and only if the likeliest token after each token of
    the target is the next one.
    """
    import torch

    mine = list(range(accelerator.process_index, len(examples), accelerator.num_processes))
    found = torch.zeros(len(examples), 2, device=model.thinker.device, dtype=torch.float64)
    model.thinker.decoder.eval()
    with torch.no_grad():
        for start in range(0, len(mine), micro_batch):
            numbers = mine[start : start + micro_batch]
            answers = answer_logits(model.thinker, model.encoder([examples[number] for number in numbers]))
            right = answers.row_means((answers.logits.argmax(dim=-1) == answers.targets).double()) == 1
            found[numbers] = torch.stack([right.double(), cross_entropy(answers).double()], dim=1)
    model.thinker.decoder.train()
    found = accelerator.reduce(found, "sum").cpu()
    hits = found[:, 0].tolist()
    groups: dict[str, list[int]] = defaultdict(list)
    for number, example in enumerate(examples):
        groups[f"{example.question.condition}/{example.asked}"].append(number)

    def accuracy(numbers: Sequence[int]) -> Estimate:
        asked = [example.audio_key if example.asked == Asked.AUDIO else example.video_key for example in examples]
        return share([hits[number] for number in numbers], [asked[number] for number in numbers])

    by_condition = {name: accuracy(numbers) for name, numbers in sorted(groups.items())}
    return HeldOutScore(accuracy(range(len(hits))), float(found[:, 1].mean()), by_condition, len(hits))
