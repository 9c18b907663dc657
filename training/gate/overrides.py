"""Who published a model that the gate refused."""

import getpass
import os
import platform
from datetime import UTC, datetime
from typing import Any

from training.gate.checks import Check


def override_record(checks: list[Check]) -> dict[str, Any]:
    """What the manifest keeps: who overrode which failed checks, and when."""
    return {
        "by": f"{_user()}@{platform.node() or 'unknown'}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "checks": [check.name for check in checks if not check.passed],
    }


def _user() -> str:
    """The login name; in a container a user may have no more than a number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
