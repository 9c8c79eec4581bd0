"""Evaluation on the held-out clips."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mma_bench.tuning.answers import answer_logits
from mma_bench.tuning.example import Example
from mma_bench.tuning.model import TunedModel
from mma_bench.tuning.objective import cross_entropy


@dataclass(frozen=True)
class HeldOutScore:
    """Scores on the held-out clips.

    Attributes:
        accuracy: share of questions whose target greedy decoding produces, including its end.
        loss: mean loss.
        by_condition: accuracy of each `condition/modality`.
    """

    accuracy: float
    loss: float
    by_condition: dict[str, float]

    @property
    def score(self) -> tuple[float, float]:
        """Key for comparison: higher is better."""
        return self.accuracy, -self.loss


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
    groups = defaultdict(list)
    for example, right in zip(examples, found[:, 0].tolist(), strict=True):
        groups[f"{example.question.condition}/{example.asked}"].append(right)
    by_condition = {name: sum(group) / len(group) for name, group in sorted(groups.items())}
    return HeldOutScore(float(found[:, 0].mean()), float(found[:, 1].mean()), by_condition)
