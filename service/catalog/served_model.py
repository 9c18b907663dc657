"""A model as it is served: what answers for it, and what is made from it once."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from model.constraints.automata import Automaton
from model.constraints.compile_constraints import compile_block_list
from model.measures.facts import EXACT, facts
from model.measures.percentiles import LOSS_QUANTILES, loss_quantiles, parse_quantiles
from model.sampling.language_model import LanguageModel
from model.store.stored_version import StoredVersion
from model.text.names import Names, NameSet
from model.text.spelling import Form, NameCase, Spelling
from model.text.vocabulary import MAX_NAME_LENGTH, Vocabulary
from model.transitions.automaton import Floats
from service.http.responses import ModelFacts, ModelRef


@dataclass(frozen=True, eq=False)
class ServedModel(ABC):
    """What answers under a name; immutable, so a request keeps the one it began with."""

    name: str
    digest: str
    vocabulary: Vocabulary
    language_model: LanguageModel
    blocked: frozenset[str]
    """Words that no drawn name may hold."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is called in metrics: one of few words that no client chooses."""

    @property
    @abstractmethod
    def listing(self) -> NameSet | None:
        """The training names, where they are known."""

    @cached_property
    def loss_quantiles(self) -> Floats | None:
        """What `share_above` compares losses with: here those of the training names; None where they are not known."""
        return None if self.listing is None else loss_quantiles(self.language_model, self.listing)

    @property
    @abstractmethod
    def longest_name(self) -> int:
        """Letters of the longest training name: the `max_length` of requests that give none."""

    @property
    def contexts(self) -> int:
        """Of how many contexts the next letter's chances are known: states of the automaton."""
        return len(self.language_model.transitions)

    @cached_property
    def unblocked(self) -> Automaton | None:
        """Accepts the names without a blocked word. Raises ConstraintError where the words are too many."""
        return compile_block_list(self.blocked, self.vocabulary)

    @cached_property
    def reference(self) -> ModelRef:
        return ModelRef(name=self.name, digest=self.digest)

    @cached_property
    def reference_json(self) -> bytes:
        return self.reference.model_dump_json().encode()

    def novel(self, names: Names) -> NDArray[np.bool_] | None:
        """Which names (names,) are not in the training list; None where the list is not known."""
        return None if self.listing is None else ~self.listing.holds(names)

    def texts(self, names: Names, case: NameCase) -> list[str]:
        """The names, each as a string in its case."""
        return self.spelling(case, Form.LINES).write(names).decode().split("\n")[:-1]

    def spelling(self, case: NameCase, form: Form) -> Spelling:
        return _spelling(self.vocabulary, case, form)


@dataclass(frozen=True, eq=False)
class PublishedModel(ServedModel):
    """A version of a store, and its language_model."""

    version: StoredVersion
    parameters: int
    """Numbers that were learned, all layers together."""

    @classmethod
    def of(
        cls, version: StoredVersion, language_model: LanguageModel, parameters: int, blocked: frozenset[str]
    ) -> "PublishedModel":
        return cls(
            version.name, version.digest, version.header.vocabulary, language_model, blocked, version, parameters
        )

    @property
    def label(self) -> str:
        return self.name

    @cached_property
    def facts(self) -> ModelFacts:
        """Those that the version came with, or computed from the table, which may take seconds."""
        try:
            return ModelFacts.model_validate(self.version.manifest.get(EXACT), strict=True)
        except ValidationError:
            return ModelFacts.model_validate(asdict(facts(self.language_model.transitions, self.listing)))

    @cached_property
    def loss_quantiles(self) -> Floats | None:
        """Those of the names that were held out when it was trained, where the version has them."""
        kept = parse_quantiles(self.version.manifest.get(LOSS_QUANTILES))
        return kept if kept is not None else super().loss_quantiles

    @cached_property
    def listing(self) -> NameSet | None:
        lines = self.version.name_lines
        return None if lines is None else NameSet.of_lines(lines, self.vocabulary)

    @cached_property
    def longest_name(self) -> int:
        return int(self.listing.lengths.max()) if self.listing else MAX_NAME_LENGTH


@lru_cache(maxsize=64)
def _spelling(vocabulary: Vocabulary, case: NameCase, form: Form) -> Spelling:
    return Spelling(vocabulary, case, form)
