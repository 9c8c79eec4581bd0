"""The token map of every prompt, and the attention that each token gets."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mma_bench.diagnosis.numbers import Number
from mma_bench.diagnosis.registry import COMMON, Measured, Part, Row, about, part
from mma_bench.diagnosis.subject import Case, Subject
from mma_bench.diagnosis.token_map import GROUPS
from mma_bench.evaluation.statistics import Estimate

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from numpy.typing import NDArray

    from mma_bench.models.omni.attention import Attention


class _Attention:
    """Adds up the attention from the answering position to each token, over heads and layers."""

    def __init__(self, case: Case) -> None:
        self.total: NDArray[np.float64] = np.zeros(case.prompt.map.length)
        self._layers = case.prompt.layers
        self._place = case.prompt.answering

    def __call__(self, attention: "Attention", output: "torch.Tensor") -> "torch.Tensor":
        import torch

        place = torch.tensor([self._place], device=output.device)
        weights = attention.weights(place)[0, :, 0].mean(dim=0).cpu().numpy()
        self.total[-len(weights) :] += weights / self._layers  # a sliding window holds the last tokens only
        return output


@part
class Tokens(Part):
    """What each token is. See `mma_bench.diagnosis.token_map`."""

    name = "tokens"
    help = "what each token of a prompt is (template, video, audio, question, option, ...), and its attention"
    columns: ClassVar[Mapping[str, str]] = {
        "position": "int32",
        "token": "int32",
        "text": "string",
        "group": "string",
        "option": "string",
        "seconds": "float32",
        "row": "int16",
        "column": "int16",
        "attention": "float32",
    }

    def measure(self, subject: Subject) -> Iterable[Row]:
        """Return a row per token before the answer; `attention` is the mean over heads and layers."""
        for case in subject.cases:
            found, question = case.prompt.map, case.question
            looked = _Attention(case)
            case.prompt.look(looked)
            texts = case.prompt.texts
            for place in range(found.length):
                option = int(found.option[place])
                yield {
                    **about(case, subject),
                    "position": place,
                    "token": int(found.ids[place]),
                    "text": texts[place],
                    "group": str(GROUPS[found.codes[place]]),
                    "option": question.options[option] if option >= 0 else None,
                    "seconds": None if np.isnan(found.seconds[place]) else float(found.seconds[place]),
                    "row": int(found.row[place]) if found.row[place] >= 0 else None,
                    "column": int(found.column[place]) if found.column[place] >= 0 else None,
                    "attention": float(looked.total[place]),
                }

    def condense(self, table: "pa.Table") -> "pa.Table":
        """Return the number of tokens by question and group, as the column `tokens`."""
        if "position" not in table.column_names:
            return table
        keys = [*COMMON, "group"]
        counts = table.group_by(keys, use_threads=False).aggregate([("position", "count")])
        return counts.select([*keys, "position_count"]).rename_columns([*keys, "tokens"])

    def numbers(self, measured: Measured) -> list[Number]:
        """Return the mean number of tokens of each group in a prompt, over those that have the group."""
        frame = self.condense(measured.tables[self.name]).to_pandas()
        clips = frame["clip"].nunique()
        found = []
        for group in GROUPS:
            sizes = frame["tokens"][frame["group"] == str(group)]
            if len(sizes):
                estimate = Estimate(float(sizes.mean()), float("nan"), float("nan"), clips)
                found.append(Number.of(estimate, self.name, "tokens per prompt", group=group))
        return found
