"""A seed in a request: a number or a text."""

import re
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from model.kernels.random_numbers import MAX_SEED, MAX_SEED_LETTERS

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,64}")


def _one_seed_error(value: Any, handler: ValidatorFunctionWrapHandler) -> int | str:
    try:
        seed: int | str = handler(value)
    except ValidationError:
        message = f"a seed is an integer in 0..{MAX_SEED} or a string of 1 to {MAX_SEED_LETTERS} characters"
        raise PydanticCustomError("seed", "{message}", {"message": message}) from None
    return seed


def number_if_digits(value: Any) -> Any:
    """A whole number written as text, as queries have it, is that number."""
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else value


SeedNumber = Annotated[int, Field(ge=0, le=MAX_SEED)]
SeedText = Annotated[str, Field(min_length=1, max_length=MAX_SEED_LETTERS)]
Seed = Annotated[SeedNumber | SeedText, WrapValidator(_one_seed_error)]
