"""Read a model's free text as one of the options of its question."""

from mma_bench.parsing._extract import holds_reasoning, own_text
from mma_bench.parsing._modalities import speaks_of_both
from mma_bench.parsing._options import check_labels
from mma_bench.parsing._options import key as label_key
from mma_bench.parsing._parse import Outcome, Parsed
from mma_bench.parsing.answer import PARSER_VERSION, parse_answer
from mma_bench.parsing.yes_no import Said, read_yes_no

__all__ = [
    "PARSER_VERSION",
    "Outcome",
    "Parsed",
    "Said",
    "check_labels",
    "holds_reasoning",
    "label_key",
    "own_text",
    "parse_answer",
    "read_yes_no",
    "speaks_of_both",
]
