"""`python -m tests.browser.health_pictures DIRECTORY [REPORTS]`: the pictures of docs/health.md.

Each is of a healthy run over the same of an ill one, taken from the reports that the commands of that page write. With
REPORTS, a directory, those are taken and nothing is trained.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.documentation import ROOT, blocks

PAGE = ROOT / "docs" / "health.md"
REPORTS = ROOT / "var" / "health"
SHOWN = {
    "no-gain": ("plain", "activations"),
    "large-weights": ("plain", "activations"),
    "large-steps": ("good", "updates"),
    "dead": ("good", "shares"),
    "small-steps": ("good", "losses"),
    "by-heart": ("good", "losses"),
}
"""By picture: the healthy run, and the picture of the report that tells."""
RUN_OF = {"dead": "large-steps"}
"""The ill run, where it is not called as the picture."""
_COLOURS = 160
_STYLE = """
body { margin: 0; padding: 6px 10px; width: 760px; background: #fff; color: #1b1f24; font: 14px sans-serif; }
svg { display: block; width: 100%; height: auto; } p { margin: 4px 0 0; font-weight: bold; }
"""


def drawing(report: Path, name: str) -> str:
    """The SVG of this name in a report."""
    found = re.search(
        rf'<svg [^>]*aria-labelledby="{name}-title.*?</svg>', report.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found, f"{report} has no picture {name}"
    return found[0]


def page_of(reports: Path, picture: str) -> str:
    healthy, name = SHOWN[picture]
    ill = RUN_OF.get(picture, picture)
    parts = [("healthy", healthy), ("ill", ill)]
    shown = "".join(f"<p>{how}: {run}</p>{drawing(reports / f'{run}.html', name)}" for how, run in parts)
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{shown}"


def main() -> int:
    """Writes one PNG for each entry of `SHOWN`."""
    if CHROMIUM is None:
        sys.stderr.write("error: no Chromium is installed; on Debian: apt install chromium\n")
        return 1
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    reports = Path(sys.argv[2]) if len(sys.argv) > 2 else REPORTS
    with tempfile.TemporaryDirectory() as store, sync_playwright() as playwright:
        if reports == REPORTS:
            environment = os.environ | {"NAMESMITH_SNAPSHOTS": store}
            subprocess.run(["bash", "-euc", "\n".join(blocks(PAGE, "sh"))], cwd=ROOT, env=environment, check=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 780, "height": 600}, device_scale_factor=1.25)
        for picture in SHOWN:
            page.set_content(page_of(reports, picture))
            with Image.open(io.BytesIO(page.locator("body").screenshot())) as taken:
                few = taken.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
                few.save(target / f"{picture}.png", optimize=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
