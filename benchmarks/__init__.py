"""What `scripts/bench` measures: namesmith and its reference in the same run. Each folder says which benchmarks it
holds."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository's."""
