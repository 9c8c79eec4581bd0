"""The documentation site: builds without a dead link, works from disk without a network, and is complete."""

import importlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
import yaml
from markdown.extensions.toc import slugify

from tests.builder.review.browser import Browser
from tests.conftest import ROOT, run_command

CONFIGURATION = ROOT / "scripts" / "docs" / "mkdocs.yml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    run_command(str(ROOT / "scripts" / "docs.sh"), str(folder))
    return folder


class _Loaded(HTMLParser):
    """Collects the addresses that a browser loads by itself: not those of links that a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [
            value for name, value in attrs if value and (name == "src" or (name == "href" and tag == "link"))
        ]


def test_no_page_loads_anything_from_a_network(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = _Loaded()
        loaded.feed(page.read_text(encoding="utf-8"))
        assert loaded.addresses
        assert [each for each in loaded.addresses if re.match(r"(\w+:)?//", each)] == [], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_pages_are_searched_from_disk(site: Path, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.open((site / "reference" / "cli.html").as_uri())
        browser.wait_for("document.readyState === 'complete'")
        browser.evaluate(
            "(field => { field.focus(); field.value = 'abstention recall';"
            "field.dispatchEvent(new KeyboardEvent('keyup', {key: 'l'})); })"
            "(document.querySelector('[data-md-component=search-query]'))"
        )
        browser.wait_for("document.querySelectorAll('.md-search-result__item').length")
        links = browser.evaluate("[...document.querySelectorAll('.md-search-result__link')].map(link => link.href)")
        assert any("/evaluate.html" in link for link in links)
        assert all(address.startswith(("file:", "data:")) for address in browser.addresses)


@pytest.mark.parametrize(
    ("page", "module", "program"),
    [("cli", "mma_bench.cli", "mma-bench"), ("builder", "builder.cli", "python -m builder")],
)
def test_the_reference_lists_every_command_and_option(site: Path, page: str, module: str, program: str) -> None:
    text = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    group = importlib.import_module(module).main
    context = click.Context(group)
    for name in group.list_commands(context):
        _, _, section = text.partition(f'<h3 id="{slugify(f"{program} {name}", "-")}">')
        section = section.split("<h3 ")[0]
        assert f"{program} {name} [OPTIONS]" in section
        for parameter in group.get_command(context, name).params:
            for option in parameter.opts if isinstance(parameter, click.Option) else []:
                assert re.search(rf"{option}\b", section), f"{name} {option}"


def test_the_reference_lists_settings(site: Path) -> None:
    text = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    for name in ("executor.workers", "download.pause.tries", "objective.adversarial.eps", "wording.question"):
        assert f"<code>{name}</code>" in text
    assert str(ROOT) not in text


def test_a_dead_link_or_anchor_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    inherited = {
        "INHERIT": str(CONFIGURATION),
        "docs_dir": "docs",
        "site_dir": "site",
        **{"hooks": [], "plugins": [], "nav": [], "theme": {"name": "mkdocs"}},
    }
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(inherited), encoding="utf-8")
    for link, wrong in {"other.md#there": False, "gone.md": True, "other.md#nowhere": True}.items():
        (tmp_path / "docs" / "index.md").write_text(f"[link]({link})\n", encoding="utf-8")
        (tmp_path / "docs" / "other.md").write_text("## There\n", encoding="utf-8")
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        command = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(tmp_path / "mkdocs.yml")]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (result.returncode != 0) == wrong, result.stderr


def test_files_that_the_code_and_the_readme_point_to_exist() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert "//" in link or (ROOT / link).exists(), f"{path.name}: {link}"
    for folder in ("mma_bench", "builder", "scripts"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sh", ".yaml", ".jinja"}:
                for link in re.findall(r"(?<![\w/])docs/[a-z_-]+\.\w+", path.read_text(encoding="utf-8")):
                    assert (ROOT / link).exists(), f"{path.relative_to(ROOT)}: {link}"
