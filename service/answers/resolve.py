"""From the fields of a request to the model and the sampler that answer it."""

import re
from typing import NamedTuple

from model.errors import ConstraintError, UnsatisfiableError
from model.sampling.sampler import Sampler
from model.transitions.shaping import ShapeSettings
from service.catalog.catalog import Catalog
from service.catalog.samplers import SamplerKey, Samplers
from service.catalog.served_model import ServedModel
from service.http.problems import field_problem
from service.http.requests import ConstraintFields, Shape

_ESCAPE = re.compile(r"\\.")
_SHOWN = 8
"""Letters that an error names."""


class Resolved(NamedTuple):
    """A request for names, with all that it depends on found once."""

    samplers: Samplers
    model: ServedModel
    asked: ConstraintFields
    key: SamplerKey
    """Requests with the same key take the same sampler."""
    kept: Sampler | None
    """The sampler, if it was used lately; else it is to be made."""

    def sampler(self) -> Sampler:
        """Kept, or made in some milliseconds. Raises UnsatisfiableError, and ProblemError for a constraint that is
        malformed or too complex."""
        if self.kept is not None:
            return self.kept
        try:
            return self.samplers.of(self.model, self.key)
        except ConstraintError as error:
            raise constraint_problem(error) from None
        except UnsatisfiableError as error:
            raise UnsatisfiableError(str(error) + _foreign(self.model, self.asked)) from None


def resolve(catalog: Catalog, model: ServedModel, asked: ConstraintFields) -> Resolved:
    """Raises ProblemError for a top_k over the alphabet, a min_length over the default max_length, or `novel` where the
    training list is not known."""
    settings = _settings(model, asked)
    if asked.novel and model.listing is None:
        raise field_problem(
            "/novel", "this model was published without its training list, so new names cannot be told apart"
        )
    key = SamplerKey.of(model, settings, asked.constraints, asked.novel)
    return Resolved(catalog.samplers, model, asked, key, catalog.samplers.kept(key))


def constraint_problem(error: ConstraintError) -> Exception:
    return field_problem(f"/{error.field}", str(error), "constraint")


def checked_top_k(model: ServedModel, request: Shape) -> int | None:
    size = model.vocabulary.size
    if request.top_k is not None and request.top_k > size:
        raise field_problem("/top_k", f"at most {size}, the number of symbols in this model's alphabet")
    return request.top_k


def _foreign(model: ServedModel, request: ConstraintFields) -> str:
    """Which letters the constraints have and the model has not: no name can hold those."""
    asked = {name: getattr(request, name) or "" for name in ("prefix", "suffix", "contains")}
    asked["pattern"] = "".join(filter(str.isalpha, _ESCAPE.sub("", request.pattern or "")))
    for field, text in asked.items():
        letters = dict.fromkeys(model.vocabulary.normalization(text))
        foreign = [repr(letter) for letter in letters if letter not in model.vocabulary.letters]
        if foreign:
            return f"; the model's alphabet lacks {', '.join(foreign[:_SHOWN])} in the {field}"
    return ""


def _settings(model: ServedModel, request: ConstraintFields) -> ShapeSettings:
    checked_top_k(model, request)
    if request.max_length is None and request.min_length > model.longest_name:
        raise field_problem(
            "/min_length", f"the longest training name has {model.longest_name} letters: set max_length too"
        )
    return request.settings(model.longest_name)
