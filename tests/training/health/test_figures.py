"""Nothing in a picture lies outside of it or on a neighbour's panel, however long its words and numbers are."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from training.diagnosis.finding import Reached
from training.report.drawing import BESIDE, draw
from training.report.figures import pictures

Watch = Callable[[str, bool], Any]
REACHED = Reached(baselines={"dev": {"unigram": 2.83, "bigram": 2.46, "kneser_ney": 2.1}})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved from now on."""
    figures: list[Figure] = []
    save = Figure.savefig

    def noticed(figure: Figure, *arguments: Any, **options: Any) -> None:
        save(figure, *arguments, **options)
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", noticed)
    return figures


def misplaced(figure: Figure) -> list[str]:
    """What is outside of the figure, or on another panel's things."""
    figure.set_dpi(72)  # that of an SVG
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    taken = [box for box in boxes if box]
    assert len(taken) == len(boxes)
    (right, top), slack = figure.bbox.size, 1.0
    found = [f"panel {i} reaches {box}" for i, box in enumerate(taken) if not _within(box, right + slack, top + slack)]
    pairs = itertools.pairwise(taken)
    return [*found, *(f"{left} is on {other}" for left, other in pairs if left.x1 > other.x0)]


def _within(box: Bbox, right: float, top: float) -> bool:
    return bool(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= right and box.y1 <= top)


@pytest.mark.parametrize("normalised", [True, False], ids=["BatchNorm", "plain"])
@pytest.mark.parametrize("run", ["good", "large weights", "large steps"])
def test_everything_has_its_place(watched: Watch, drawn: list[Figure], run: str, normalised: bool) -> None:
    made = pictures(watched(run, normalised).diagnostics, REACHED)
    assert len(drawn) == len(made) >= 7
    assert {picture.name: misplaced(figure) for picture, figure in zip(made, drawn, strict=True)} == {
        picture.name: [] for picture in made
    }


def test_everything_has_its_place_in_a_long_run(watched: Watch, drawn: list[Figure]) -> None:
    """Numbers of many digits."""
    seen = watched("good", True).diagnostics
    looks = [replace(look, step=look.step * 100_000) for look in seen.looks]
    train = replace(seen.train, steps=[step * 100_000 for step in seen.train.steps])
    pictures(replace(seen, steps=seen.steps * 100_000, looks=looks, train=train), REACHED)
    assert [misplaced(figure) for figure in drawn] == [[]] * len(drawn)


@pytest.mark.parametrize(
    ("label", "right", "is_well"),
    [("short", 0.15, True), ("far too long to stand there", 0.15, False), ("Kneser-Ney", BESIDE, True)],
)
def test_what_has_no_place_is_noticed(drawn: list[Figure], label: str, right: float, is_well: bool) -> None:
    def paint(panels: list[Axes]) -> None:
        for axes in panels:
            axes.plot([0, 1], [0, 1])
            beside = 1.01 if right == BESIDE else 0.5
            axes.annotate(label * (1 if is_well else 5), (beside, 0.5), xycoords="axes fraction")

    draw("x", "X", "", 2 if right != BESIDE else 1, paint, right=right)
    assert (misplaced(drawn[0]) == []) == is_well
