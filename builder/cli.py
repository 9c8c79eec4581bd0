"""The builder's command line: its commands, each imported when it is used."""

import click

from mma_bench import __version__
from mma_bench.console.group import SETTINGS, Command, Entry

COMMANDS = {
    "run": Entry("builder.run_cli:run", "Build a dataset.", "the finished stages and clips"),
    "status": Entry("builder.work_cli:status", "Show what each stage kept and dropped, and why."),
    "review": Entry("builder.review.cli:review", "Accept or reject clips in the browser.", "all decisions"),
    "quiz": Entry("builder.quiz.cli:quiz", "Ask a person the benchmark's questions.", "all answers"),
    "publish": Entry("builder.publish.cli:publish", "Upload a dataset to a hub.", "the files that were uploaded"),
    "hydrate": Entry("builder.hydrate.cli:hydrate", "Fetch the media of an ids-only dataset.", "the finished clips"),
    "remove": Entry("builder.work_cli:remove", "Remove clips from a finished dataset."),
    "shortcuts": Entry("builder.work_cli:shortcuts", "Put shortcuts in the data on its card."),
    "select": Entry("builder.select.cli:select", "Select candidate clips from AudioSet."),
    "ontology": Entry("builder.select.cli:ontology", "Draw which AudioSet classes the rules keep."),
    "list": Entry("builder.list_cli:list_command", "List sources, models, conditions and more."),
    "demo-media": Entry("builder.work_cli:demo_media", "Download the media of the demo.", "the complete files"),
}


@click.group(cls=Command, entries=COMMANDS, context_settings=SETTINGS)
@click.version_option(__version__, prog_name="mma-bench builder")
def main() -> None:
    """Build a benchmark from clips.

    \b
    Examples:
      python -m builder run --config builder/configs/demo.yaml --work work/demo --out mma-bench
      python -m builder status --work work/demo
    """
