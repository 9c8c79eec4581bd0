"""HTML pages that need no network: everything that a model or a data set says is escaped, scripts are known by hash."""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.files.text import visible
from mma_bench.report.render.text import number_text
from mma_bench.report.table import Entry, Share

if TYPE_CHECKING:
    from markupsafe import Markup

TEMPLATES = Path(__file__).parents[1] / "templates"


def render(template: str, *, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """Return a page.

    Args:
        template: name of the template.
        styles: names of style sheets that the page holds.
        scripts: names of scripts that the page holds; its policy lets no other run.
        values: what the template shows.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = lambda text: visible(text, one_line=True)
    environment.filters["breakable"] = _breakable
    environment.filters["words"] = lambda name: name.replace("_", " ")
    environment.filters["entry"] = number_text
    environment.filters["sortable"] = _sortable
    environment.tests["share"] = lambda entry: isinstance(entry, Share)
    script = "\n".join(_read(name) for name in scripts)
    return environment.get_template(template).render(
        style=Markup("\n".join(_read(name) for name in styles)),  # noqa: S704  (our own files)
        script=Markup(script),  # noqa: S704  (our own files)
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        **values,
    )


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _breakable(text: str) -> "Markup":
    """Return ``text``, escaped, so that a narrow column breaks it after its punctuation and not in a word."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/:@_-])", text))


def _sortable(entry: Entry) -> str:
    """Return what a column is sorted by."""
    if entry is None:
        return ""
    return f"{entry.value:.6f}" if isinstance(entry, Share) else str(entry)
