"""Draw docs/report.png: the first screen of a report, in headless Chromium.

Run: .venv/bin/python scripts/readme_picture.py report/index.html docs/report.png
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.builder.review.browser import Browser

WIDTH, HEIGHT = 1400, 900
LARGEST = 300_000


def main() -> None:
    """Draw the picture, and refuse one that is too large for a README."""
    parser = argparse.ArgumentParser(description="Draw the first screen of a report.")
    parser.add_argument("page", type=Path, help="index.html of a report")
    parser.add_argument("out", type=Path, help="PNG to write")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Browser(Path(folder) / "profile", width=WIDTH, height=HEIGHT) as browser,
    ):
        browser.open(given.page.resolve().as_uri())
        browser.wait_for("document.readyState === 'complete' && document.querySelector('.row') !== null")
        browser.screenshot(given.out)
    if (size := given.out.stat().st_size) > LARGEST:
        raise SystemExit(f"{given.out} has {size:,} bytes; the README takes {LARGEST:,}")


if __name__ == "__main__":
    main()
