"""Read a model's free text as one of the options of its question."""

from mma_bench.parsing.answer import PARSER_VERSION, Outcome, Parsed, parse_answer

__all__ = ["PARSER_VERSION", "Outcome", "Parsed", "parse_answer"]
