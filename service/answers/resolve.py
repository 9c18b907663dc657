"""From the conditions of a request to a sampler that meets them."""

import re

from model.errors import ConstraintError, UnsatisfiableError
from model.sampling.sampler import Sampler
from model.transitions.shaping import ShapeSettings
from service.catalog.catalog import Catalog, Key
from service.catalog.served_model import ServedModel
from service.http.problems import field_problem
from service.http.requests import ConstraintFields, Shape

_ESCAPE = re.compile(r"\\.")
_SHOWN = 8
"""Letters that an error names."""


def prepare_sampler(catalog: Catalog, request: ConstraintFields) -> tuple[ServedModel, Sampler]:
    """Raises UnknownModelError, UnsatisfiableError, and ProblemError for a top_k over the alphabet, a min_length over
    the default max_length, a constraint that is malformed or too complex, or `novel` where the training list is not
    known."""
    model = catalog.get(request.model)
    return model, prepare_with(catalog, model, request)


def prepare_with(catalog: Catalog, model: ServedModel, request: ConstraintFields) -> Sampler:
    """The same for a model that is at hand."""
    settings = _settings(model, request)
    if request.novel and model.listing is None:
        raise field_problem(
            "/novel", "this model was published without its training list, so new names cannot be told apart"
        )
    try:
        return catalog.sampler(model, settings, request.constraints, request.novel)
    except ConstraintError as error:
        raise constraint_problem(error) from None
    except UnsatisfiableError as error:
        raise UnsatisfiableError(str(error) + _foreign(model, request)) from None


def prepare_kept(catalog: Catalog, request: ConstraintFields) -> tuple[ServedModel, Sampler] | None:
    """The same from what is kept, at once; None where something would have to be made or refused."""
    model = catalog.kept(request.model)
    if model is None:
        return None
    sampler = catalog.kept_sampler(model, _settings(model, request), request.constraints, request.novel)
    return None if sampler is None else (model, sampler)


def sampler_key(model: ServedModel, request: ConstraintFields) -> Key:
    """What a sampler depends on."""
    return model.name, model.digest, _settings(model, request), request.constraints, request.novel


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
