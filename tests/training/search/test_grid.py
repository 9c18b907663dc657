"""Lists and ranges as they are written on a command line."""

import numpy as np
import pytest

from training.search.grid import GridError, numbers, whole_numbers


def test_a_list_keeps_its_order_and_each_value_once() -> None:
    assert numbers("0.1,0.01,1e-1", 1e-9, 1e6) == [0.1, 0.01]
    assert whole_numbers("3,1,2,3", 0, 9) == [3, 1, 2]


def test_a_range_is_even_by_logarithm() -> None:
    """Within 1 %, as values are written with three digits."""
    np.testing.assert_allclose(numbers("0.001:0.1:7", 1e-9, 1e6), np.geomspace(0.001, 0.1, 7), rtol=0.01)


def test_ranges_and_numbers_may_stand_in_one_list() -> None:
    assert numbers("1,0.01:0.1:2", 1e-9, 1e6) == [1, 0.01, 0.1]


@pytest.mark.parametrize(
    "text", ["", "a", "0", "-1", "nan", "inf", "1e7", "1,,2", "1:2", "2:1:3", "0:1:3", "1:2:1", "1:2:3:4"]
)
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(GridError):
        numbers(text, 1e-9, 1e6)


@pytest.mark.parametrize("text", ["", "x", "1.5", "0", "11", "1,,2", "1:3"])
def test_what_is_no_list_of_whole_numbers_is_refused(text: str) -> None:
    with pytest.raises(GridError):
        whole_numbers(text, 1, 10)
