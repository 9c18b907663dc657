"""`python -m model.warming`: compiles every kernel, or takes it from the cache, by asking a tiny model everything.

A service does the same when it starts, so that no request waits for a compiler. Where the directory of the sources
can be written, what was compiled stays there (see `model.kernels.compilation`).
"""

import numpy as np

from model.constraints import Constraints, compile_block_list, compile_constraints
from model.engine import TableEngine
from model.kernels import compilation
from model.names import Listing, Names
from model.shaping import Settings
from model.spelling import Form, Spelling
from model.transitions import Transitions
from model.vocabulary import Vocabulary


def warm_up() -> None:
    """Half a second where the kernels are in the cache, else half a minute."""
    vocabulary = Vocabulary(("a", "b"))
    size = vocabulary.size
    engine = TableEngine(Transitions.dense(np.full((size**2, size), -np.log(size)), 2))
    asked = compile_constraints(Constraints(contains="a"), vocabulary)
    unblocked = compile_block_list(frozenset({"bbb"}), vocabulary)
    assert asked is not None
    assert unblocked is not None
    few, most = Listing.listing(["ab"], vocabulary), Listing.listing(["a", "ab", "ba", "aa", "aab"], vocabulary)
    for settings in (Settings(), Settings(max_length=2)):
        sampler = engine.sampler(settings, [asked, unblocked])
        for names in sampler.draw(1, 1_000):
            Spelling(vocabulary, "title", Form.LINES).write(names)
        sampler.log_probs(sampler.draw_distinct(1, 2))
        sampler.most_probable(2)
        sampler.stepper()([1])
    for listing in (few, most):
        avoiding = engine.sampler(Settings(max_length=3), [asked, unblocked], listing)
        next(avoiding.draw(1, 10))
        avoiding.draw_distinct(1, 2)
        avoiding.most_probable(1)
    engine.log_probs(Names.of([[1, 2]]))
    _warm_up_wide()
    few.holds(Names.of([[1, 2]]))
    Listing.of_lines(["ab\n"], vocabulary)
    compilation.mark_complete()


def _warm_up_wide() -> None:
    """Rows of more than 256 columns have another type."""
    size = 300
    table = Transitions.dense(np.full((size, size), -np.log(size)), 1)
    sampler = TableEngine(table).sampler(Settings(max_length=2), [])
    list(sampler.draw(1, 1_000))


if __name__ == "__main__":
    warm_up()
