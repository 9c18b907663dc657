"""Two versions side by side, and the command that shows them."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model.compiler.dense_table import compile_table
from model.measures.divergence import NameChain, divergence
from model.measures.facts import facts
from model.network import checkpoint
from model.sampling.language_model import LanguageModel
from model.store.store import BUNDLED, Store, Version
from model.text.names import NameSet
from training.data.read_list import NameList
from training.data.splits import SplitRule
from training.gate.comparison import compare
from training.gate.quality import Reference, sample_quality
from training.recipe.presets import Preset
from training.recipe.stacks import tanh_stack
from training.run.run import Config, fit, measure

Command = Callable[..., tuple[int, str, str]]


def version_of(names: NameList, config: Config) -> Version:
    result = fit(names, config)
    return Version("tiny", result.digest, checkpoint.loads(result.data), frozenset(names.names), {})


@pytest.fixture(scope="module")
def a(tiny: NameList, quick: Preset) -> Version:
    return version_of(tiny, Config(quick))


@pytest.fixture(scope="module")
def b(tiny: NameList, quick: Preset) -> Version:
    return version_of(tiny, Config(quick, seed=2, block_size=2, layers=tanh_stack(8, 2, width=20)))


@pytest.fixture(scope="module")
def other(quick: Preset) -> Version:
    """Of an alphabet of its own."""
    return version_of(NameList(["lox", "xol", "olxo"], np.ones(3), "x.txt"), Config(quick))


def test_each_side_is_described_by_what_is_known_elsewhere(a: Version, b: Version, tiny: NameList) -> None:
    found = compare(a, b, lambda _: tiny)
    for portrait, version in ((found.a, a), (found.b, b)):
        model = version.checkpoint
        assert (portrait.digest, portrait.parameters) == (version.digest, model.stack.parameter_count)
        assert portrait.facts == facts(compile_table(model), NameSet.listing(tiny.names, model.vocabulary))
        assert portrait.on_list is not None
        assert portrait.on_list.losses == measure(model, version.transitions, tiny, SplitRule.NAMES)[0]
        reference = Reference.of(tiny, SplitRule.NAMES)
        assert portrait.on_list.quality == sample_quality(
            LanguageModel(version.transitions), model.vocabulary, reference
        )
    assert found.paired is not None
    assert found.paired.first == pytest.approx(found.a.trained["losses"]["dev"], abs=1e-5)
    assert any(line.startswith("- ") and '"out_features": 100' in line for line in found.layers)
    assert any(line.startswith("+ ") and '"out_features": 20' in line for line in found.layers)


def test_divergences_are_exact_and_each_has_its_direction(a: Version, b: Version) -> None:
    found = compare(a, b)
    first, second = (NameChain(compile_table(v.checkpoint), v.checkpoint.vocabulary) for v in (a, b))
    assert found.divergence_of_b == divergence(first, second)
    assert found.divergence_of_a == divergence(second, first)
    assert found.divergence_of_b.per_name != found.divergence_of_a.per_name
    assert 0 < found.jensen_shannon.value < math.log(2)
    assert found.a.on_list is None
    assert found.paired is None


def test_a_version_and_itself_differ_in_nothing(a: Version, tiny: NameList) -> None:
    found = compare(a, a, lambda _: tiny)
    assert found.a == found.b
    assert (found.layers, found.only_a, found.only_b) == ([], "", "")
    assert found.divergence_of_b.per_name == pytest.approx(0, abs=1e-12)
    assert found.jensen_shannon.value == pytest.approx(0, abs=1e-12)


def test_letters_that_one_lacks_are_named(a: Version, other: Version) -> None:
    found = compare(a, other)
    assert (found.only_a, found.only_b) == ("aikmn", "x")
    assert math.isinf(found.divergence_of_b.per_name)
    assert math.isinf(found.divergence_of_a.per_name)
    assert found.jensen_shannon.value <= math.log(2)


# The command


@pytest.fixture
def store(a: Version, b: Version, other: Version, tmp_path: Path) -> Path:
    for name, version in (("tiny", a), ("tiny", b), ("other", other)):
        Store(tmp_path).publish(name, checkpoint.dumps(version.checkpoint), version.training_names, {})
    return tmp_path


def test_the_command_prints_a_table_and_writes_the_same_as_json(
    command: Command, store: Path, a: Version, b: Version, tiny_file: Path
) -> None:
    result = store / "result.json"
    reference = f"tiny@{a.digest[:8]}"
    code, out, err = command("compare", reference, "tiny", tiny_file, "--store", store, "--json", result)
    assert (code, err) == (0, "")
    assert f"tiny@{a.digest[:12]}" in out
    assert f"tiny@{b.digest[:12]}" in out
    for said in ("parameters", "entropy", "dev loss on this list", "trigram distance", "neither was trained on"):
        assert said in out
    written = json.loads(result.read_text(encoding="utf-8"))
    assert (written["a"]["digest"], written["b"]["digest"]) == (a.digest, b.digest)
    shown = re.search(
        rf"KL\(tiny@{a.digest[:12]} \|\| tiny@{b.digest[:12]}\): (\S+) nats a name, \S+ a character, exact", out
    )
    assert shown
    assert float(shown[1]) == pytest.approx(written["divergence_of_b"]["per_name"], abs=5e-5)


def test_infinity_is_told_in_words_and_null_in_json(command: Command, store: Path) -> None:
    result = store / "result.json"
    code, out, _ = command("compare", "tiny", "other", "--store", store, "--json", result)
    assert code == 0
    assert "infinite: the second lacks the letters aikmn" in out
    assert "infinite: the second lacks the letters x" in out
    assert json.loads(result.read_text(encoding="utf-8"))["divergence_of_b"]["per_name"] is None


@pytest.mark.slow
def test_bundled_models_are_found_and_own_ones_come_first(command: Command, store: Path) -> None:
    bundled = Store(BUNDLED).current("us-names")
    code, out, _ = command("compare", "us-names", f"us-names@{bundled[:6]}", "--store", store)
    assert code == 0
    assert out.count(f"us-names@{bundled[:12]}") >= 2


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nobody", "no model named nobody"),
        ("../x", "cannot name a model"),
        ("tiny@zz", "0 versions of tiny begin with 'zz'"),
        ("[red]@x", "cannot name a model"),
        ("", "cannot name a model"),
    ],
)
def test_a_version_that_is_not_there_is_one_line(reference: str, said: str, command: Command, store: Path) -> None:
    code, _, err = command("compare", "tiny", reference, "--store", store)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert said in err


def test_a_list_that_one_cannot_spell_is_one_line(command: Command, store: Path, tiny_file: Path) -> None:
    code, _, err = command("compare", "tiny", "other", tiny_file, "--store", store)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "not in the model's vocabulary" in err
