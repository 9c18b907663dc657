"""Work waits for its turn: bounded, in a fair order, and nothing is left behind when a request gives up."""

import asyncio
import random

import pytest

from service.admission.turns import MOST_OF_CLIENT, MOST_WAITING, Turns
from service.http.problems import ProblemError


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def work(turns: Turns, client: str, amount: float, done: list[str], end: asyncio.Event | None = None) -> None:
    async with turns.turn(client, amount):
        done.append(client)
        await (end.wait() if end is not None else asyncio.sleep(0))


def test_a_sum_is_bounded_and_something_large_is_admitted_alone() -> None:
    async def run() -> None:
        turns, begun, end = Turns(10, 30), [], asyncio.Event()  # type: ignore[var-annotated]
        tasks = [asyncio.create_task(work(turns, "a", amount, begun, end)) for amount in (6, 4, 0.5, 100)]
        await settle()
        assert (len(begun), turns.used, turns.waiting) == (2, 10, 2)
        end.set()
        await asyncio.gather(*tasks)
        assert (len(begun), turns.used, turns.waiting) == (4, 0, 0)

    asyncio.run(run())


def test_fractions_leave_nothing_behind() -> None:
    """0.1 + 0.2 - 0.1 - 0.2 is not 0, and something larger than the limit must be admitted all the same."""

    async def run() -> None:
        turns, begun = Turns(1, 1), []  # type: ignore[var-annotated]
        await asyncio.gather(*(work(turns, "a", amount, begun) for amount in (0.1, 0.2)))
        assert turns.used == 0
        await work(turns, "a", 2, begun)
        assert (len(begun), turns.used) == (3, 0)

    asyncio.run(run())


def test_clients_take_turns_and_each_keeps_its_order() -> None:
    async def run() -> list[str]:
        turns, done, end = Turns(1, 30), [], asyncio.Event()  # type: ignore[var-annotated]
        first = asyncio.create_task(work(turns, "first", 1, [], end))
        await settle()
        tasks = [asyncio.create_task(work(turns, client, 1, done)) for client in "aaaabbc"]
        await settle()
        end.set()
        await asyncio.gather(first, *tasks)
        return done

    assert "".join(asyncio.run(run())) == "abcabaa"


def test_a_turn_that_does_not_come_in_time_is_refused_and_leaves_the_queue() -> None:
    async def run() -> None:
        turns, end = Turns(1, 0.01), asyncio.Event()
        first = asyncio.create_task(work(turns, "a", 1, [], end))
        await settle()
        with pytest.raises(ProblemError) as caught:
            await work(turns, "b", 1, [])
        assert (caught.value.status_code, caught.value.headers) == (503, {"Retry-After": "1"})
        assert turns.waiting == 0
        end.set()
        await first
        assert turns.used == 0

    asyncio.run(run())


def test_the_queue_is_bounded_for_a_client_and_in_all() -> None:
    async def run() -> list[int]:
        turns, end = Turns(1, 30), asyncio.Event()
        tasks = [asyncio.create_task(work(turns, "first", 1, [], end))]
        await settle()
        waiting = []
        for client in range(MOST_WAITING // MOST_OF_CLIENT + 1):
            tasks += [asyncio.create_task(work(turns, str(client), 1, [])) for _ in range(MOST_OF_CLIENT + 3)]
            await settle()
            waiting.append(turns.waiting)
        end.set()
        refused = [error for error in await asyncio.gather(*tasks, return_exceptions=True) if error is not None]
        assert all(isinstance(error, ProblemError) and error.status_code == 503 for error in refused)
        assert len(refused) == len(tasks) - 1 - MOST_WAITING
        return waiting

    expected = [*range(MOST_OF_CLIENT, MOST_WAITING + 1, MOST_OF_CLIENT), MOST_WAITING]
    assert asyncio.run(run()) == expected


def test_whatever_is_cancelled_or_too_late_nothing_is_left_behind() -> None:
    """Random work, some of which gives up at a random moment, also in the very step in which its turn comes."""

    held: list[tuple[float, float]] = []  # by one and by all

    async def run(seed: int) -> None:
        random_ = random.Random(seed)
        turns = Turns(10, random_.choice([0.0005, 30]))

        async def one() -> None:
            amount = random_.choice([0.1, 1, 3, 9, 12])
            async with turns.turn(random_.choice("abc"), amount):
                held.append((amount, turns.used))
                for _ in range(random_.randrange(4)):
                    await asyncio.sleep(0)

        tasks = [asyncio.create_task(one()) for _ in range(120)]
        while not all(task.done() for task in tasks):
            random_.choice(tasks).cancel()
            for _ in range(random_.randrange(3)):
                await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (turns.used, turns.waiting) == (0, 0)

    for seed in range(20):
        asyncio.run(run(seed))
    assert all(used <= 10 or used == amount for amount, used in held)
    assert (12, 12) in held
