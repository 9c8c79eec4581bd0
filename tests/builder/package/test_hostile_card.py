"""Texts of a dataset on its card: shown as they are, never a heading, a link, an image, HTML or a line of YAML."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from markdown_it.token import Token

from builder.package.contents import read_contents, write_contents
from mma_bench.dataset.integrity import verify_data

HOSTILE = (
    "x\n---\nlicense: mit\n---\n# y\n<script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) "
    "![b](https://evil.example/pixel.png) "
    "| `c` | \\| <!-- --> &lt; {{ 7 + 7 }} {% raw %} \u202e $\\frac$ --- [d]: e\n\n[d]"
)


def tokens(text: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    found = parser.parse(text)
    return [*found, *(child for token in found for child in token.children or ())]


def counts(text: str) -> dict[str, int]:
    kinds = ("heading_open", "link_open", "image", "html_inline", "html_block", "fence", "code_block", "tr_open", "hr")
    found = [token.type for token in tokens(text)]
    return {kind: found.count(kind) for kind in kinds}


@pytest.fixture
def pair(small_dataset: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The texts of a dataset written with plain words, and with hostile ones in the same places."""
    plain, hostile = tmp_path / "plain", tmp_path / "hostile"
    for folder, text in ((plain, "words"), (hostile, HOSTILE)):
        shutil.copytree(small_dataset, folder)
        contents = read_contents(folder)
        config = contents.provenance["config"]
        package = config["package"] | {"contact": text}
        write_contents(
            folder,
            replace(
                contents,
                clips=[
                    clip.model_copy(update={"attribution": text, "licence": text, "notes": text, "source": text})
                    for clip in contents.clips
                ],
                provenance=contents.provenance | {"config": config | {"title": text, "package": package}},
            ),
        )
    return plain, hostile


def test_hostile_texts_change_nothing_of_the_cards_structure(pair: tuple[Path, Path]) -> None:
    plain, hostile = (DatasetCard.load(folder / "README.md") for folder in pair)
    assert counts(hostile.text) == counts(plain.text)
    shown = "".join(token.content for token in tokens(hostile.text) if token.type == "text")
    assert "<script>alert(1)</script>" in shown  # as text
    assert "[a](javascript:alert(1))" in shown
    assert "{{ 7 + 7 }}" in hostile.text
    assert "\u202e" not in hostile.content
    assert hostile.data.license == "other"
    assert str(hostile.data.pretty_name).startswith("x --- license: mit --- # y <script>")
    assert hostile.data.to_dict().keys() == plain.data.to_dict().keys()
    assert yaml.safe_load((pair[1] / "eval.yaml").read_text())["tasks"]
    for name in ("LICENSE", "CHANGES.md"):
        lines = [len((folder / name).read_text().splitlines()) for folder in pair]
        assert lines[0] == lines[1], name


def test_the_verifier_finds_the_front_matter_of_a_title_that_ends_like_it(small_dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "titled"
    shutil.copytree(small_dataset, folder)
    contents = read_contents(folder)
    config = contents.provenance["config"] | {"title": "Clips ---"}
    write_contents(folder, replace(contents, provenance=contents.provenance | {"config": config}))
    assert "wrong_card" not in {problem.kind for problem in verify_data(folder)}
