"""What the documentation site adds to the pages in docs/: project files, examples of commands, tables of settings."""

import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parents[2]
PROJECT_FILES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security-policy.md",
}
_TYPES: dict[Any, str] = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
SETTINGS = re.compile(r"^::: settings (\S+):(\S+)$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> None:
    """Prepare the command groups that mkdocs-click reads."""
    for target in ("mma_bench.cli:main", "builder.cli:main"):
        module, _, name = target.partition(":")
        group = getattr(importlib.import_module(module), name)
        context = click.Context(group)
        _prepare(group, group.name)
        for each in group.list_commands(context):
            _prepare(group.get_command(context, each), each)


def _prepare(command: click.Command, name: str) -> None:
    command.name = name  # as users type it: click derives another one from the name of the function
    command.help = _with_code_block(command.help or "")


def _with_code_block(help_text: str) -> str:
    """Turn the examples of a help text, which click keeps apart by a backspace, into a block of code."""
    text, _, examples = inspect.cleandoc(help_text).partition("\b\nExamples:\n")
    if not examples:
        return text
    return f"{text.rstrip()}\n\nExamples:\n\n```\n{inspect.cleandoc(examples)}\n```"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the project's files at top level as pages; their links lead into docs/."""
    for name, page in PROJECT_FILES.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](../")
        files.append(File.generated(config, page, content=text))
    for name in ("iframe-worker.js", "site.css"):
        path = Path(__file__).with_name(name)
        files.append(File.generated(config, f"assets/{name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to the project's files to their pages, and fill in tables of settings."""
    for name, page in PROJECT_FILES.items():
        markdown = markdown.replace(f"](../{name})", f"]({page})")
    return SETTINGS.sub(lambda found: _settings(found[1], found[2]), markdown)


def _settings(module: str, name: str) -> str:
    """Return a table of the settings of a model, and one with a heading for each of its sections."""
    model = getattr(importlib.import_module(module), name)
    sections = {each: section for each, field in model.model_fields.items() if (section := _section(field))}
    tables = [_table(_rows({each: field for each, field in model.model_fields.items() if each not in sections}, ""))]
    for each, section in sections.items():
        about = inspect.cleandoc(section.__doc__ or "").split("\n")[0]
        tables.append(f"### {each}\n\n{'' if about.startswith('See ') else about}")
        tables.append(_table(_rows(section.model_fields, f"{each}.")))
    return "\n\n".join(table for table in tables if table)


def _table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    lines = [f"| `{place}` | {kind} | {default} | {text} |" for place, kind, default, text in rows]
    return "\n".join(["| setting | type | default | meaning |", "|---|---|---|---|", *lines]) if lines else ""


def _rows(fields: Mapping[str, FieldInfo], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in fields.items():
        if section := _section(field):
            yield from _rows(section.model_fields, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _cell(_type(field.annotation)), _default(field), _cell(field.description or "")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a section of settings by itself."""
    models = list(_models(field.annotation))
    return models[0] if len(models) == 1 and not _is_collection(field.annotation) else None


def _is_collection(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (list, tuple, dict, Mapping)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in arguments if each is not type(None)))
    if origin is not None:
        inner = ", ".join(_type(each) for each in arguments if each is not Ellipsis)
        return f"{'mapping' if inner.count(',') else 'list'} of {inner}".replace(", ", " to ", 1)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    return _TYPES.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        value = value.relative_to(ROOT)
    if value is None or value in ((), {}, [], ""):
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
