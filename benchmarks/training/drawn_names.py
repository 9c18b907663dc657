"""How like the list drawn names are, for the default preset beside `careful` (and `best`), trained in this run.

AUC: a logistic regression on all parts of one to five characters, five-fold, learns to tell new drawn names from
held-out names that are not in the train part. At 0.5 it cannot. Shares are of free draws at temperature 1 and of
held-out names. The list is that of `benchmarks.training.presets`.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from benchmarks.tools.tables import print_table
from benchmarks.training.presets import list_and_split, unseen_pairs
from model.sampling.language_model import LanguageModel
from model.text.vocabulary import MAX_NAME_LENGTH, Vocabulary
from model.transitions.shaping import ShapeSettings
from training.data.splits import split
from training.recipe.presets import PRESETS
from training.run.run import Config, fit

DRAWS = 200_000
_FEW_LONG = 0.02
"""Names of more letters than a length are long where at most this share of the list is."""


def main(quick: bool) -> None:
    names, rule = list_and_split()
    parts = split(names.names, rule)
    trained = {names.names[i] for i in parts.train}
    held_out = [names.names[i] for i in (*parts.dev, *parts.test)]
    new = sorted(set(held_out) - trained)
    vocabulary = Vocabulary.from_names(names.names, names.normalization)
    longest = max(map(len, trained))
    long = int(np.quantile([len(name) for name in names.names], 1 - _FEW_LONG, method="higher"))

    def shares(drawn: Sequence[str]) -> list[str]:
        lengths = np.array([len(name) for name in drawn])
        found = (np.mean(lengths > long), np.mean(lengths > longest), unseen_pairs(drawn, trained))
        return [f"{share:.2%}" for share in found]

    rows = [["held-out names", "", "", *shares(held_out)]]
    for preset in ("careful", "standard", *(() if quick else ("best",))):
        result = fit(names, Config(PRESETS[preset], 1, rule))
        model = LanguageModel(result.transitions)
        free = model.sampler(ShapeSettings(max_length=MAX_NAME_LENGTH), [], None)
        drawn = [name for part in free.draw(1, DRAWS) for name in part.decode(vocabulary)]
        fresh = list(dict.fromkeys(name for name in drawn if name not in trained))[: len(new)]
        rows.append([preset, f"{result.losses.test:.4f}", f"{_auc(fresh, new):.3f}", *shares(drawn)])
    columns = ["names", "served test", "AUC", f"over {long} letters", f"over {longest} letters", "unseen pair"]
    print_table(f"{names.source}, split {rule}, {DRAWS:,} draws, {len(new):,} new names a side:", columns, rows)


def _auc(drawn: Sequence[str], real: Sequence[str]) -> float:
    texts = [f"^{name}$" for name in (*drawn, *real)]
    sides = np.repeat([0, 1], [len(drawn), len(real)])
    judge = make_pipeline(CountVectorizer(analyzer="char", ngram_range=(1, 5)), LogisticRegression(max_iter=2_000))
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    return float(cross_val_score(judge, texts, sides, scoring="roc_auc", cv=folds).mean())
