"""Tables of what was measured, as the commands print them."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from model.measures.divergence import Divergence
    from training.gate.comparison import Comparison, Portrait
    from training.gate.quality import Quality

UNKNOWN = "-"


def quality_rows(quality: "Quality") -> list[tuple[str, str, str]]:
    """Measure, its value for the samples, and for real held-out names where that is known."""
    distances, floor = quality.distances or {}, quality.noise_floor or {}
    unique = [(f"distinct among {among:,}", share(found), UNKNOWN) for among, found in quality.uniqueness.items()]
    return [
        ("valid", share(quality.validity), UNKNOWN),
        *unique,
        ("not trained on", share(quality.novelty), share(quality.held_out_novelty)),
        *((f"{feature} distance, bits", f"{distances[feature]:.4f}", f"{floor[feature]:.4f}") for feature in distances),
    ]


def quality_table(quality: "Quality") -> Table:
    table = _table(f"{quality.count:,} sampled names", "", "samples", "held-out names")
    for row in quality_rows(quality):
        table.add_row(*row)
    if quality.distances is not None:
        table.caption = f"distances from the dev names, of {quality.compared:,} samples and of as many test names"
    return table


def comparison_table(found: "Comparison") -> Table:
    a, b = found.a, found.b
    table = _table("", "", *(f"{side.name}@{side.digest[:12]}" for side in (a, b)))
    for label, value in _PORTRAIT:
        table.add_row(label, *(escape(value(side)) for side in (a, b)))
    for label, on_a, on_b in _on_list_rows(a, b):
        table.add_row(label, on_a, on_b)
    return table


def divergence_lines(found: "Comparison") -> list[str]:
    a, b = (f"{side.name}@{side.digest[:12]}" for side in (found.a, found.b))
    lines = [
        f"KL({a} || {b}): {_divergence(found.divergence_of_b, found.only_a)}",
        f"KL({b} || {a}): {_divergence(found.divergence_of_a, found.only_b)}",
        f"Jensen-Shannon: {found.jensen_shannon.value:.4f} nats a name, estimated, standard error "
        f"{found.jensen_shannon.standard_error:.4f}; at most {math.log(2):.4f}",
    ]
    if found.paired is not None:
        lines.append(
            f"dev loss of the first minus that of the second: {found.paired.difference:+.4f}, standard error "
            f"{found.paired.standard_error:.4f}, on {found.paired.names:,} held-out names that neither was trained on"
        )
    return lines


def share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1%}"


def number(value: object, form: str = ".4f") -> str:
    return format(value, form) if isinstance(value, int | float) else UNKNOWN


def _divergence(found: "Divergence", letters: str) -> str:
    if math.isinf(found.per_name):
        lacking = f"lacks the letters {escape(letters)}" if letters else "never gives some of the first one's names"
        return f"infinite: the second {lacking}"
    return f"{found.per_name:.4f} nats a name, {found.per_character:.4f} a character, exact"


def _trained(*keys: str) -> "Callable[[Portrait], Any]":
    """What a checkpoint tells of its training, which may be anything."""

    def look(side: "Portrait") -> Any:
        found: Any = side.trained
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return look


def _fact(form: str, name: str) -> "Callable[[Portrait], str]":
    return lambda side: number(getattr(side.facts, name, None), form)


_PORTRAIT: "list[tuple[str, Callable[[Portrait], str]]]" = [
    ("published", lambda side: side.published_at or UNKNOWN),
    ("parameters", lambda side: f"{side.parameters:,}"),
    ("characters of context", lambda side: str(side.block_size)),
    ("letters", lambda side: f"{len(side.letters):,}"),
    ("preset", lambda side: str(_trained("config", "preset")(side) or UNKNOWN)[:64]),
    ("names in its list", lambda side: number(_trained("data", "names")(side), ",")),
    *(
        (f"{part} loss when trained", lambda side, part=part: number(_trained("losses", part)(side)))
        for part in ("train", "dev", "test")
    ),
    ("entropy of a name, nats", _fact(".4f", "entropy")),
    ("expected letters", _fact(".3f", "expected_length")),
    ("chance of a name of its list", lambda side: share(getattr(side.facts, "training_mass", None))),
    ("draws until a repeat", _fact(",", "repeat_after")),
]


def _on_list_rows(a: "Portrait", b: "Portrait") -> Iterable[tuple[str, str, str]]:
    if a.on_list is None or b.on_list is None:
        return
    losses, others = (side.on_list.losses.fields() for side in (a, b) if side.on_list)
    for part, loss in losses.items():
        yield f"{part.replace('_', ' ')} on this list", number(loss), number(others[part])
    for (measure, on_a, floor), (_, on_b, _) in zip(
        quality_rows(a.on_list.quality), quality_rows(b.on_list.quality), strict=True
    ):
        yield measure if floor == UNKNOWN else f"{measure} (held-out names: {floor})", on_a, on_b


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title or None, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(escape(column), no_wrap=True, justify="left" if not column else "right")
    return table
