"""`python -m tests.browser.pictures DIRECTORY`: pictures of the playground, light and dark.

They show the bundled model and what is asked of it here, so only the fonts of the machine make a difference.
"""

import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, expect, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.running import running

SHOWN = "#generate?suffix=lyn&min_length=6&max_length=9&n=20&seed=8"
SIZE: ViewportSize = {"width": 1280, "height": 780}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main() -> int:
    """Writes playground-light.png and playground-dark.png."""
    if CHROMIUM is None:
        sys.stderr.write("error: no Chromium is installed; on Debian: apt install chromium\n")
        return 1
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as work,
        running(Path(work) / "store", Path(work) / "log") as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        for theme in THEMES:
            page = browser.new_page(viewport=SIZE, color_scheme=theme, reduced_motion="reduce")
            page.goto(f"{service.url}/{SHOWN}")
            expect(page.locator("#names-said")).to_contain_text("20 names")
            expect(page.locator("#model")).to_contain_text("us-names")
            page.locator("#finer").evaluate("(details) => { details.open = false; }")
            page.screenshot(path=target / f"playground-{theme}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
