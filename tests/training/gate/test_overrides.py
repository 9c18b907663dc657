"""Who is written down for a model that the gate refused."""

import getpass
from datetime import datetime

import pytest

from training.gate.checks import Check
from training.gate.overrides import override_record

CHECKS = [Check("first", True, ""), Check("second", False, ""), Check("third", False, "")]


def test_it_tells_who_when_and_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    record = override_record(CHECKS)
    assert record["by"].startswith("ada@")
    assert datetime.fromisoformat(record["at"]).tzinfo is not None
    assert record["checks"] == ["second", "third"]


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_has_a_number(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert override_record(CHECKS)["by"].startswith("uid ")
