"""The uvicorn versions that this package is known to work with: it subclasses classes that uvicorn keeps private.

Nothing of uvicorn is imported here, so that the check comes before what may have gone.
"""

import re
from importlib.metadata import PackageNotFoundError, version

from model.errors import NamesmithError

KNOWN = (0, 54)
"""Major and minor number of the releases that the tests ran with; pyproject.toml asks for the same."""
REQUIREMENT = f"uvicorn>={KNOWN[0]}.{KNOWN[1]},<{KNOWN[0]}.{KNOWN[1] + 1}"
_HELP = f"the server is known to work with {KNOWN[0]}.{KNOWN[1]}.x only: run python -m pip install '{REQUIREMENT}'"


class UvicornVersionError(NamesmithError):
    """The installed uvicorn is not one that the server is known to work with."""


def check_uvicorn() -> None:
    """Raises UvicornVersionError, which says what is installed, what would do, and how to get it."""
    try:
        installed = version("uvicorn")
    except PackageNotFoundError:
        raise UvicornVersionError(f"uvicorn is not installed; {_HELP}") from None
    found = re.match(r"(\d+)\.(\d+)(\.|$)", installed)
    if found is None or (int(found[1]), int(found[2])) != KNOWN:
        raise UvicornVersionError(f"uvicorn {installed} is installed; {_HELP}")
