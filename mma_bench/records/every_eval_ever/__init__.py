"""A run as records of Every Eval Ever (https://github.com/evaleval/every_eval_ever), schema version 0.3.0.

One aggregate JSON file with a result for each condition and asked modality, and one JSON Lines file with every answer.
"""

from mma_bench.records.every_eval_ever.write import SCHEMA_VERSION, Exported, Publisher, export_run

__all__ = ["SCHEMA_VERSION", "Exported", "Publisher", "export_run"]
