"""Keys: who has none is told so, and nothing else; who has one gets in, whatever others do."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError
from typer.testing import CliRunner

from service.access import keys
from service.access.keys import KeyRing, add_key, new_key, read_keys
from service.cli import app as command
from service.settings import Settings
from tests.reliability.conftest import FULL
from tests.running import BUNDLED

Serve = Callable[..., TestClient]
CheckProblem = Callable[..., dict[str, Any]]
KEY, LINE = new_key("ana")
OTHER, OTHER_LINE = new_key("ana")
CHALLENGE = 'Bearer realm="namesmith"'


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(serve: Serve) -> TestClient:
    return serve(bundled_store=BUNDLED, keys=f"{LINE},{OTHER_LINE}", guesses_per_minute=1_000)


def test_two_keys_of_one_name_are_both_valid_in_either_header(guarded: TestClient) -> None:
    for key in (KEY, OTHER):
        for headers in (bearer(key), {"Authorization": f"bearer {key}"}, {"X-API-Key": key}):
            assert guarded.post("/sample", json={"n": 1}, headers=headers).status_code == 200
            assert guarded.get("/metrics", headers=headers).status_code == 200


WRONG: list[dict[str, Any]] = [
    {},
    bearer("x"),
    bearer(KEY[:-1]),
    bearer(KEY + "x"),
    bearer(""),
    {"Authorization": f"Basic {KEY}"},
    {"Authorization": KEY},
    {"X-API-Key": b"\xff\xfe\xe9"},
    {"Authorization": b"Bearer \xc3\xa9"},
    {"X-API-Key": "k" * 4000},
    {"X-API-Key": hashlib.sha256(KEY.encode()).hexdigest()},
    {"X-API-Key": KEY, "Authorization": f"Bearer {OTHER}"},
]


def test_whatever_is_wrong_the_answer_is_the_same(guarded: TestClient, check_problem: CheckProblem) -> None:
    seen = set()
    for headers in WRONG:
        for method, path in (("POST", "/sample"), ("GET", "/models"), ("GET", "/metrics"), ("GET", "/nothing")):
            answer = guarded.request(method, path, headers=headers)
            assert answer.status_code == 401, (headers, path)
            assert answer.headers["WWW-Authenticate"] == CHALLENGE
            problem = answer.json()
            problem.pop("request_id")
            seen.add(str(problem))
    assert len(seen) == 1
    check_problem(guarded.post("/sample", json={}), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs"])
def test_health_and_documentation_need_no_key(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_without_keys_nobody_is_asked_for_one(client: TestClient) -> None:
    assert client.get("/models", headers=bearer("anything")).status_code == 200
    assert "security" not in client.get("/openapi.json").json()


def test_the_description_of_the_api_says_that_a_key_is_needed(guarded: TestClient) -> None:
    document = guarded.get("/openapi.json").json()
    assert document["security"] == [{name: []} for name in document["components"]["securitySchemes"]]


def test_10_000_guesses(serve: Serve, check_problem: CheckProblem) -> None:
    """The first ones are told that they are wrong, all others to wait; a client with a key gets in all the time."""
    guarded = serve(bundled_store=BUNDLED, keys=LINE)
    began = time.monotonic()
    statuses = [
        guarded.get("/models", headers=bearer(f"guess{i}")).status_code for i in range(10_000 if FULL else 1_000)
    ]
    assert set(statuses[:20]) == {401}
    minutes = (time.monotonic() - began) // 60 + 2
    assert statuses.count(401) <= 20 * minutes, "twenty a minute, of which one may begin and one end meanwhile"
    assert set(statuses) == {401, 429}
    answer = guarded.get("/models", headers=bearer("again"))
    if answer.status_code == 429:
        check_problem(answer, 429, "too-many-guesses")
        assert int(answer.headers["Retry-After"]) > 0
    assert guarded.get("/models", headers=bearer(KEY)).status_code == 200
    assert guarded.get("/models").status_code == 401, "no key is no guess"


def test_every_key_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    class Watched:
        @staticmethod
        def compare_digest(given: bytes, kept: bytes) -> bool:
            compared.append(kept)
            return given == kept

    monkeypatch.setattr(keys, "hmac", Watched)
    ring = KeyRing(f"{LINE},{OTHER_LINE}", None)
    for given in (KEY, OTHER, "wrong"):
        compared.clear()
        owner = ring.owner(given.encode())
        assert compared == [key.digest for key in ring.keys]
        assert (owner is None) == (given == "wrong")


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(keys, "_LOOK_SECONDS", 0.0)
    path = tmp_path / "keys"
    path.write_text(f"# keys\n{LINE}\n")
    return path


def rewrite(path: Path, text: str) -> None:
    """As a whole."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_a_file_of_keys_is_followed(serve: Serve, key_file: Path) -> None:
    client = serve(bundled_store=BUNDLED, keys_file=key_file)

    def allowed(key: str) -> bool:
        return client.get("/models", headers=bearer(key)).status_code == 200

    assert (allowed(KEY), allowed(OTHER)) == (True, False)
    rewrite(key_file, f"{LINE}\n{OTHER_LINE}\n")
    assert (allowed(KEY), allowed(OTHER)) == (True, True)
    rewrite(key_file, f"{OTHER_LINE}\n")
    assert (allowed(KEY), allowed(OTHER)) == (False, True)
    for broken in ("nonsense", "ana:12", "\udcff"):
        key_file.write_bytes(broken.encode("utf-8", "surrogateescape"))
        assert (allowed(KEY), allowed(OTHER)) == (False, True)
    key_file.unlink()
    assert (allowed(KEY), allowed(OTHER)) == (False, True)


def test_a_file_that_is_written_in_place_is_read_once_it_rests(key_file: Path) -> None:
    """What is there in between has whole lines, but not all of them."""
    key_file.write_text(f"{LINE}\n{OTHER_LINE}\n")
    ring = KeyRing("", key_file)
    third, third_line = new_key("leo")
    for written in ("", f"{LINE}\n", f"{LINE}\n{third_line[:30]}", f"{LINE}\n{third_line}\n"):
        key_file.write_text(written)
        os.utime(key_file, ns=(0, len(written)))
        assert ring.owner(OTHER.encode()), "each look finds another file, and the last good content counts"
    assert ring.owner(third.encode()), "two looks found the same"
    assert not ring.owner(OTHER.encode())


def test_an_emptied_file_is_told_and_obeyed_after_a_while(
    key_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ring = KeyRing("", key_file)
    key_file.write_text("")
    for _ in range(3):
        assert ring.owner(KEY.encode())
    assert sum("stay valid for 60 s" in record.message for record in caplog.records) == 1
    monkeypatch.setattr(keys, "_EMPTY_SECONDS", 0.0)
    assert not ring.owner(KEY.encode())
    rewrite(key_file, f"{LINE}\n")
    assert ring.owner(KEY.encode())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\u00e9:" + "0" * 64, "NAME:SHA256"),
        ("ana:12", "64 hexadecimal digits"),
        (f"{LINE},b d:{'0' * 64}", "entry 2"),
        (f"{LINE}:many", "not a quota"),
        (f"{LINE}\n" * (keys.MAX_KEYS + 1), "at most"),
    ],
    ids=["no such name", "a short digest", "a name with a space", "a quota", "too many"],
)
def test_keys_that_cannot_be_read_are_named(text: str, wanted: str) -> None:
    with pytest.raises(ValidationError, match=wanted):
        Settings(keys=text)


def test_a_file_of_keys_must_be_there_and_hold_one(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="cannot read the keys"):
        Settings(keys_file=tmp_path / "none")
    (tmp_path / "empty").write_text("# none yet\n")
    with pytest.raises(ValidationError, match="holds no key"):
        Settings(keys_file=tmp_path / "empty")


def test_the_command_makes_a_key_and_adds_it(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    made = [CliRunner().invoke(command, ["key", name, "--file", str(path)]) for name in ("ana", "leo")]
    assert [result.exit_code for result in made] == [0, 0]
    listed = read_keys(path.read_text())
    assert [key.name for key in listed] == ["ana", "leo"]
    assert [key.digest for key in listed] == [hashlib.sha256(r.stdout.strip().encode()).digest() for r in made]
    assert CliRunner().invoke(command, ["key", "a b"]).exit_code == 1
    path.write_text("nonsense")
    assert CliRunner().invoke(command, ["key", "ana", "--file", str(path)]).exit_code == 1
    assert path.read_text() == "nonsense"


def test_adding_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# mine\n{LINE}")
    add_key(path, OTHER_LINE)
    assert path.read_text() == f"# mine\n{LINE}\n{OTHER_LINE}\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_adding_keeps_the_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{LINE}\n")
    path.chmod(mode)
    add_key(path, OTHER_LINE)
    assert path.stat().st_mode & 0o777 == mode
