"""The command line `mma-bench`: its commands, each imported when it is used."""

import click

from mma_bench import __version__
from mma_bench.console.group import SETTINGS, Command, Entry

_ANSWERS = "the answers so far"

COMMANDS = {
    "eval": Entry("mma_bench.cli.eval:evaluate_command", "Ask a model and score its answers.", _ANSWERS),
    "report": Entry("mma_bench.cli.report:report", "Write a page that compares runs."),
    "merge-runs": Entry("mma_bench.cli.merge_runs:merge_runs_command", "Merge the shards of a run into one run."),
    "compare": Entry("mma_bench.cli.compare:compare_command", "Test two runs against each other."),
    "score": Entry("mma_bench.cli.score:score_command", "Re-score a run's stored answers.", "the judge's replies"),
    "leaderboard": Entry("mma_bench.cli.leaderboard:leaderboard", "Write a sortable page of many runs."),
    "probe": Entry("mma_bench.cli.probe:probe_command", "Check that video and audio reach a model."),
    "conform": Entry("mma_bench.cli.conform:conform_command", "Test whether a server loses or changes media."),
    "tune": Entry("mma_bench.cli.tune:tune_command", "Fine-tune a model on conflicts.", "the checkpoints so far"),
    "merge-adapter": Entry("mma_bench.cli.merge_adapter:merge_command", "Merge an adapter into its base model."),
    "diagnose": Entry(
        "mma_bench.cli.diagnose:diagnose_command", "Look inside a model that answers.", "finished stimuli"
    ),
    "interference": Entry(
        "mma_bench.cli.interference:interference_command", "Measure the effect of unrelated input on answers.", _ANSWERS
    ),
    "export": Entry("mma_bench.cli.export:export_command", "Write training files for other trainers."),
    "export-run": Entry("mma_bench.cli.export_run:export_run_command", "Write a run as records of Every Eval Ever."),
    "verify-data": Entry("mma_bench.cli.verify_data:verify_data_command", "Check a dataset for damage."),
    "list": Entry("mma_bench.cli.list:list_command", "List models, conditions, protocols, scores and more."),
    "avhbench": Entry("mma_bench.cli.avhbench:avhbench_command", "Evaluate a model on AVHBench.", _ANSWERS),
}


@click.group(cls=Command, entries=COMMANDS, context_settings=SETTINGS)
@click.version_option(__version__)
def main() -> None:
    """Measure what multimodal models do when video, audio and text disagree.

    \b
    Examples:
      mma-bench eval --data mma-bench --model cascade --run runs/cascade
      mma-bench probe --model openai:MODEL@http://127.0.0.1:8000/v1
      mma-bench score runs/cascade
      mma-bench compare runs/cascade runs/majority
      mma-bench report runs/cascade runs/majority --out report
      mma-bench verify-data mma-bench
    """
