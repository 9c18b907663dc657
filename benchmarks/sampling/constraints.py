"""What constraints cost: the first request, and names a second once a sampler is kept."""

from functools import partial
from statistics import median
from typing import Any

from benchmarks.tools.served import Served
from benchmarks.tools.tables import print_table, quantity
from benchmarks.tools.timing import seconds
from model.constraints.compile_constraints import Constraints, compile_constraints
from model.errors import ConstraintError, NamesmithError
from model.sampling.sampler import Sampler

_SUFFIX: dict[str, Any] = {"suffix": "lyn", "min_length": 4, "max_length": 8}
_PATTERN = "[aeiou].{2,6}(son|ley)"
_ALTERNATIVES = (
    ".*(adel|belin|cale|dorin|elise|finn|garet|hele|irma|joan|karin|lena|marin|nora|oline|perla|quin|rosa)(son|ley)"
)
_FIRST: list[dict[str, Any]] = [
    _SUFFIX,
    {"pattern": _PATTERN},
    {"pattern": ".*a.{5}"},
    {"pattern": _ALTERNATIVES},
    {"pattern": "(a+)+"},
    {"pattern": "((a|b)*c){40}"},
    {"pattern": ".*a.{8}"},
    {"pattern": ".*a.{40}"},
    {"pattern": "(.{60}){60}"},
]
_KEPT: list[dict[str, Any]] = [{}, _SUFFIX, {"prefix": "ka"}, {"pattern": _PATTERN}, {"novel": True}]
_FIRST_ROUNDS = 5
_FIRST_NAMES = 100


def main(served: Served, quick: bool) -> None:
    rows = [_first_request(served, asked) for asked in _FIRST]
    print_table(
        f"First request of a constraint: compiled, planned, {_FIRST_NAMES} names (median of {_FIRST_ROUNDS}):",
        ["constraint", "states", "ms", "outcome"],
        rows,
    )
    _print_kept(served, *((50_000, 3) if quick else (500_000, 9)))


def _first_request(served: Served, asked: dict[str, Any]) -> list[str]:
    outcome = ""

    def ask(number: int) -> None:
        nonlocal outcome
        try:
            sampler = served.sampler(**_spelled(asked, number))
            _draw(sampler, number, _FIRST_NAMES)
            probability = sampler.probability
            outcome = "served" if probability is None else f"served, probability {probability:.2g}"
        except NamesmithError as error:
            outcome = f"refused: {error}"

    ask(0)
    took = median(seconds(partial(ask, number)) for number in range(1, _FIRST_ROUNDS + 1))
    return [_label(asked), _states(served, asked), quantity(took * 1000), outcome.replace("|", "\\|")]


def _spelled(asked: dict[str, Any], number: int) -> dict[str, Any]:
    """The same in other words, so that it is not found in a cache: a pattern in parentheses, a suffix in capitals."""
    if "pattern" in asked:
        return asked | {"pattern": "(" * number + asked["pattern"] + ")" * number}
    capitals = "".join(char.upper() if number >> i & 1 else char for i, char in enumerate(asked["suffix"]))
    return asked | {"suffix": capitals}


def _states(served: Served, asked: dict[str, Any]) -> str:
    texts = {key: value for key, value in asked.items() if not key.endswith("_length")}
    try:
        automaton = compile_constraints(Constraints(**texts), served.model.vocabulary)
    except ConstraintError:
        return "–"
    return "1" if automaton is None else str(len(automaton))


def _print_kept(served: Served, count: int, rounds: int) -> None:
    """Rounds alternate, and a ratio is taken within its round, so that a noisy moment meets all alike."""
    samplers = [served.sampler(**asked) for asked in _KEPT]

    def took(seed: int) -> list[float]:
        return [seconds(partial(_draw, sampler, seed, count)) for sampler in samplers]

    took(0)
    times = [took(seed) for seed in range(1, rounds + 1)]
    rows = []
    for i, asked in enumerate(_KEPT):
        ratios = sorted(each[0] / each[i] for each in times)
        rate = count / median(each[i] for each in times)
        rows.append([_label(asked), quantity(rate), f"{median(ratios):.2f}", f"{ratios[0]:.2f} to {ratios[-1]:.2f}"])
    title = f"Names a second once the sampler is kept, one thread, {count:,} names, median of {rounds} rounds:"
    print_table(title, ["constraint", "names/s", "of unconstrained", "least to most"], rows)


def _draw(sampler: Sampler, seed: int, count: int) -> None:
    for _ in sampler.draw(seed, count):
        pass


def _label(asked: dict[str, Any]) -> str:
    if not asked:
        return "none"
    text = ", ".join(f"{key} {value}" for key, value in asked.items() if not key.endswith("_length"))
    if "min_length" in asked:
        text += f", {asked['min_length']} to {asked['max_length']} letters"
    return "`" + text.replace("|", "\\|") + "`"
