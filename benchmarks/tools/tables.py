"""Markdown tables."""

from collections.abc import Iterable, Sequence


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(f"\n{title}\n")
    print(f"| {' | '.join(columns)} |")
    print(f"|{'|'.join(['---', *['---:'] * (len(columns) - 1)])}|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def quantity(number: float | None) -> str:
    """With three digits or so; a dash where there is none."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
