"""Lists what is registered, one line each: the part that `mma-bench list` and `python -m builder list` share."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from mma_bench.errors import MMABenchError, unknown
from mma_bench.registry import Registered, Registry


@dataclass(frozen=True)
class Listing:
    """Everything of one kind.

    Attributes:
        entries: what can be used.
        problems: why entry points cannot, one line each.
    """

    entries: Sequence[Registered[Any]]
    problems: Sequence[str] = ()


def listing(registry: Registry[Any]) -> Listing:
    """Return everything that ``registry`` has; this imports the packages that declare something of its kind."""
    problems = registry.problems()
    return Listing([registry.entry(name) for name in registry.names() if name not in problems], [*problems.values()])


def make_command(kinds: Mapping[str, Callable[[], Listing]], program: str) -> click.Command:
    """Return the command `list`.

    Args:
        kinds: what it knows.
        program: how it is started, for the examples.
    """
    first = next(iter(kinds))

    @click.command("list")
    @click.argument("kind", metavar="|".join(kinds))
    @click.option("--json", "as_json", is_flag=True, help="Print name, help and origin as JSON.")
    def list_command(kind: str, as_json: bool) -> None:
        if kind not in kinds:
            hint = "; for sources, run: python -m builder list sources" if kind == "sources" else ""
            raise MMABenchError(f"{unknown('there is no list of', kind, kinds)}{hint}")
        found = kinds[kind]()
        if as_json:
            rows = [{"name": one.name, "help": one.help, "origin": one.origin} for one in found.entries]
            click.echo(json.dumps({"kind": kind, "entries": rows, "problems": list(found.problems)}, indent=2))
        else:
            width = max((len(one.name) for one in found.entries), default=0)
            for one in found.entries:
                click.echo(f"{one.name:<{width}}  {one.help} [{one.origin}]")
        for problem in found.problems:
            click.echo(f"note: {problem}", err=True)

    list_command.help = (
        "List what there is, one line each, and where it comes from: built in, or the package that added it.\n\n"
        f"\b\nExamples:\n  {program} list {first}\n  {program} list conditions --json"
    )
    return list_command
