"""The rules file: which AudioSet nodes form which class, and which nodes are left out and why."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_yaml
from mma_bench.files.faults import first_fault
from mma_bench.parsing import check_labels

RULES_FOLDER = Path(__file__).parents[1] / "rules"
DEFAULT_RULES = RULES_FOLDER / "mma_bench.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exclusion(_Part):
    """A node that a class excludes, with everything below it."""

    node: str = Field(description="display name or id of a node below one of the class's roots")
    reason: str = Field(min_length=1)


class ClassRule(_Part):
    """The definition of one class."""

    roots: tuple[str, ...] = Field(
        min_length=1, description="nodes that the class includes, each with all nodes below it"
    )
    reason: str = Field(min_length=1, description="what the class means and why these roots")
    exclude: tuple[Exclusion, ...] = ()


class Drop(_Part):
    """Nodes that belong to no class, and why.

    A drop inside a class's roots removes the nodes from the class; a drop above a class does not affect it.
    """

    nodes: tuple[str, ...] = Field(default=(), description="display names or ids")
    ontology_restriction: str | None = Field(
        default=None, description="instead of `nodes`: every node with this restriction in the ontology, and no other"
    )
    subtree: bool = Field(default=True, description="whether this includes the nodes below")
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> "Drop":
        if bool(self.nodes) == bool(self.ontology_restriction):
            raise ValueError("give either `nodes` or `ontology_restriction`")
        return self


class DropLists(_Part):
    """The nodes that belong to no class, by kind. The order of the kinds resolves ties."""

    action_less: tuple[Drop, ...] = Field(default=(), description="no visible action makes the sound")
    ambiguous: tuple[Drop, ...] = Field(default=(), description="the label does not tell the source")
    restricted: tuple[Drop, ...] = Field(default=(), description="the ontology's editors advise against the node")
    no_class: tuple[Drop, ...] = Field(default=(), description="a fine sound, but these classes have no place for it")


class Rules(_Part):
    """A rules file."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    classes: dict[str, ClassRule] = Field(min_length=2)
    drop: DropLists = DropLists()

    @field_validator("classes")
    @classmethod
    def _names_fit_a_prompt(cls, classes: dict[str, ClassRule]) -> dict[str, ClassRule]:
        for name in classes:
            if not name.strip() or "," in name or name != name.strip():
                raise ValueError(f"{name!r} cannot be a class: prompts list the names separated by commas")
        try:
            check_labels(list(classes), "class names")
        except MMABenchError as error:
            raise ValueError(str(error).partition(": ")[2]) from error
        return classes


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key may occur only once: PyYAML silently keeps the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} occurs twice in one mapping", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_rules(path: Path) -> Rules:
    """Read a rules file. Node names are checked later, against an ontology.

    Raises:
        MMABenchError: the file cannot be read, or an entry is missing, unknown or malformed.
    """
    try:
        value = parse_yaml(path.read_text(encoding="utf-8"), _StrictLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise MMABenchError(f"cannot read the rules {path}: {error}") from error
    except ValueError as error:
        raise MMABenchError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(value, dict):
        raise MMABenchError(f"{path}: rules are a YAML mapping with `name`, `classes` and `drop`, see {DEFAULT_RULES}")
    try:
        return Rules.model_validate(value)
    except ValidationError as error:
        raise MMABenchError(f"{path}: {first_fault(error, Rules)}; docs/curation.md explains the entries") from error
