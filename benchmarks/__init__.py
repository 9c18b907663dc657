"""What `scripts/bench` measures: namesmith and what it is compared with, in the same run."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository's."""
