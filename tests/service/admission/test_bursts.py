"""Many clients ask for the same new thing at once: it is made once, and nobody is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.admission.work import Work
from service.catalog.catalog import Catalog
from service.catalog.samplers import Samplers
from tests.service.metric_values import series, value

Serve = Callable[..., TestClient]
KINDS = {
    "suffix": "suffix=a",
    "contains": "contains=n",
    "prefix": "prefix=an",
    "pattern": "pattern=.*o.*",
    "lengths": "min_length=3&max_length=5",
    "temperature": "temperature=0.7",
    "novel": "novel=true",
    "blend": "model=tiny%2Bunlisted",
}


class Calls:
    """Counts the samplers and blends that are made, and holds the first until so many requests have asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clients: int) -> None:
        self.samplers = self.blends = self.asked = 0
        everybody = Event()
        sampler, get, asks = Samplers._make, Catalog.get, Work.sampler

        def make_sampler(*arguments: Any) -> Any:
            self.samplers += 1
            assert everybody.wait(30)
            return sampler(*arguments)

        def make_blend(catalog: Catalog, name: str | None) -> Any:
            self.blends += 1
            assert everybody.wait(30)
            return get(catalog, name)

        async def ask(*arguments: Any) -> Any:
            self.asked += 1
            if self.asked == clients:
                everybody.set()
            return await asks(*arguments)

        monkeypatch.setattr(Samplers, "_make", make_sampler)
        monkeypatch.setattr(Catalog, "get", make_blend)
        monkeypatch.setattr(Work, "sampler", ask)


def ask_at_once(client: TestClient, paths: list[str]) -> list[Any]:
    with ThreadPoolExecutor(len(paths)) as threads:
        return list(threads.map(client.get, paths))


@pytest.mark.parametrize(("kind", "clients"), [*((kind, 16) for kind in KINDS), ("suffix", 50), ("blend", 50)])
def test_one_makes_it_and_all_are_answered(
    serve: Serve, tiny_store: Path, monkeypatch: pytest.MonkeyPatch, kind: str, clients: int
) -> None:
    client = serve(store=tiny_store, default_model="tiny")
    calls = Calls(monkeypatch, clients)
    answers = ask_at_once(client, [f"/sample?n=5&seed={i}&{KINDS[kind]}" for i in range(clients)])
    assert [answer.status_code for answer in answers] == [200] * clients
    assert calls.samplers == 1
    assert calls.blends == (kind == "blend")
    monkeypatch.undo()
    alone = [client.get(f"/sample?n=5&seed={i}&{KINDS[kind]}").json() for i in range(clients)]
    assert [answer.json() for answer in answers] == alone


def test_all_hear_what_is_wrong_with_it(serve: Serve, tiny_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(store=tiny_store, default_model="tiny")
    calls = Calls(monkeypatch, 16)
    answers = ask_at_once(client, ["/sample?prefix=zoé&max_length=2"] * 16)
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(422, "unsatisfiable")}
    assert calls.samplers == 1


def test_what_differs_waits_for_its_turn(serve: Serve, tiny_store: Path) -> None:
    """50 new constraints at once are one address's most, and more than threads for them."""
    client = serve(store=tiny_store, default_model="tiny", queue_seconds=30)
    paths = [f"/sample?n=5&temperature={1 + i / 100}&details=true" for i in range(50)]
    assert [answer.status_code for answer in ask_at_once(client, paths)] == [200] * 50


def test_the_metrics_tell_who_shared_and_who_waited(
    serve: Serve, tiny_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(store=tiny_store, default_model="tiny")

    before = series(client)
    Calls(monkeypatch, 16)
    ask_at_once(client, ["/sample?suffix=é"] * 16)
    assert value(series(client), "plans_total", result="shared") - value(before, "plans_total", result="shared") == 15
