"""`python -m model.warming`: compiles every kernel, or takes it from the cache, by asking a tiny model everything.

A service does the same when it starts, so that no request waits for a compiler. Where the directory of the sources
can be written, what was compiled stays there (see `model.kernels.compilation`).
"""

import numpy as np

from model.constraints.compile_constraints import Constraints, compile_block_list, compile_constraints
from model.kernels import compilation
from model.sampling.language_model import LanguageModel
from model.text.names import Names, NameSet
from model.text.spelling import Form, Spelling
from model.text.vocabulary import Vocabulary
from model.transitions.automaton import Transitions
from model.transitions.shaping import ShapeSettings


def warm_up() -> None:
    """Half a second where the kernels are in the cache, else half a minute."""
    vocabulary = Vocabulary(("a", "b"))
    size = vocabulary.size
    language_model = LanguageModel(Transitions.dense(np.full((size**2, size), -np.log(size)), 2))
    asked = compile_constraints(Constraints(contains="a"), vocabulary)
    unblocked = compile_block_list(frozenset({"bbb"}), vocabulary)
    assert asked is not None
    assert unblocked is not None
    few, most = NameSet.listing(["ab"], vocabulary), NameSet.listing(["a", "ab", "ba", "aa", "aab"], vocabulary)
    for settings in (ShapeSettings(), ShapeSettings(max_length=2)):
        sampler = language_model.sampler(settings, [asked, unblocked])
        for names in sampler.draw(1, 1_000):
            Spelling(vocabulary, "title", Form.LINES).write(names)
        sampler.log_probs(sampler.draw_distinct(1, 2))
        sampler.most_probable(2)
        sampler.stepper()([1])
    for listing in (few, most):
        avoiding = language_model.sampler(ShapeSettings(max_length=3), [asked, unblocked], listing)
        next(avoiding.draw(1, 10))
        avoiding.draw_distinct(1, 2)
        avoiding.most_probable(1)
    language_model.log_probs(Names.of([[1, 2]]))
    _warm_up_wide()
    few.holds(Names.of([[1, 2]]))
    NameSet.of_lines(["ab\n"], vocabulary)
    compilation.mark_complete()


def _warm_up_wide() -> None:
    """Rows of more than 256 columns have another type."""
    size = 300
    table = Transitions.dense(np.full((size, size), -np.log(size)), 1)
    sampler = LanguageModel(table).sampler(ShapeSettings(max_length=2), [])
    list(sampler.draw(1, 1_000))


if __name__ == "__main__":
    warm_up()
