"""A model file gives back what was written, byte for byte, and anything else is refused by name."""

import hashlib
import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from model.errors import CheckpointError
from model.network import checkpoint as checkpoints
from model.network import checkpoint_header as headers
from model.network.checkpoint import Checkpoint
from model.network.checkpoint_header import MAX_BLOCK_SIZE, METADATA_KEY, digest, read
from model.network.stack import Stack
from model.text.vocabulary import Normalization, Vocabulary
from training.recipe.stacks import tanh_stack

BLOCK_SIZE = 3
LETTERS = "abcdeë'子"
FACTS: dict[str, Any] = {
    "seed": 42,
    "loss": 2.1015625,
    "note": 'quotes " and \\ and é and 子 and \U0001f600',
    "nothing": None,
    "splits": {"train": 0.8, "dev": [1, 2, 3], "whole": True},
    "empty": {},
}


def new_checkpoint(seed: int = 1) -> Checkpoint:
    vocabulary = Vocabulary(tuple(LETTERS), Normalization("NFC", "lower"))
    stack = Stack.build(tanh_stack(vocabulary.size, BLOCK_SIZE, dim=3, width=6))
    generator = torch.Generator().manual_seed(seed)
    stack.reset_parameters(generator)
    for name, tensor in stack.state().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0, generator=generator)
        else:
            tensor += 0.3 * torch.randn(tensor.shape, generator=generator)
    return Checkpoint(stack, BLOCK_SIZE, vocabulary, dict(FACTS))


def parts(data: bytes) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the metadata of a file, read by the library and by hand."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return safetensors.torch.load(data), json.loads(header["__metadata__"][METADATA_KEY])


def joined(tensors: dict[str, Tensor], metadata: dict[str, Any] | str) -> bytes:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return safetensors.torch.save(tensors, metadata={METADATA_KEY: text})


@pytest.fixture(scope="module")
def data() -> bytes:
    return checkpoints.dumps(new_checkpoint())


# There and back


def test_a_checkpoint_survives_the_round_trip(data: bytes) -> None:
    original, loaded = new_checkpoint(), checkpoints.loads(data)
    assert loaded.block_size == original.block_size
    assert loaded.vocabulary == original.vocabulary
    assert loaded.facts == original.facts == FACTS
    assert loaded.stack.describe() == original.stack.describe()
    ours, theirs = loaded.stack.state(), original.stack.state()
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.dtype == torch.float32
        assert tensor.device.type == "cpu"
        assert not tensor.requires_grad
        assert torch.equal(tensor, theirs[name])


def test_a_loaded_stack_is_in_evaluation_and_computes_the_same(data: bytes) -> None:
    loaded = checkpoints.loads(data)
    assert not any(layer.training for layer in loaded.stack.layers)
    x = torch.randint(0, loaded.vocabulary.size, (20, BLOCK_SIZE), generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.stack(x), new_checkpoint().stack.eval()(x))


def test_loading_leaves_the_bytes_and_shares_no_memory_with_them(data: bytes) -> None:
    before = bytes(bytearray(data))
    loaded = checkpoints.loads(data)
    for tensor in loaded.stack.state().values():
        tensor.fill_(7.0)
    assert data == before
    assert not torch.equal(checkpoints.loads(data).stack.state()["0.weight"], loaded.stack.state()["0.weight"])


@pytest.mark.parametrize(
    "vocabulary",
    [
        Vocabulary(("ж", "а"), Normalization("NFKD", "preserve")),
        Vocabulary(("\U0001f600", '"', "\\"), Normalization("NFD")),
        Vocabulary(("z", "a")),
    ],
    ids=["cyrillic", "escapes", "order"],
)
def test_every_alphabet_survives(vocabulary: Vocabulary) -> None:
    size = vocabulary.size
    stack = Stack.build(
        [
            {"type": "Embedding", "num_embeddings": size, "embedding_dim": 2},
            {"type": "Flatten"},
            {"type": "Linear", "in_features": 2 * MAX_BLOCK_SIZE, "out_features": size},
        ]
    )
    loaded = checkpoints.loads(checkpoints.dumps(Checkpoint(stack, MAX_BLOCK_SIZE, vocabulary)))
    assert loaded.vocabulary == vocabulary
    assert loaded.block_size == MAX_BLOCK_SIZE
    assert loaded.facts == {}


def test_gradients_mode_and_layout_of_the_stack_do_not_matter(data: bytes) -> None:
    checkpoint = new_checkpoint()
    for tensor in checkpoint.stack.parameters():
        tensor.requires_grad_()
    assert checkpoints.dumps(checkpoint) == data
    checkpoint.stack.eval()
    assert checkpoints.dumps(checkpoint) == data
    state = {name: t.detach().T.contiguous().T if t.ndim == 2 else t for name, t in checkpoint.stack.state().items()}
    checkpoint.stack.load_state(state)
    assert not checkpoint.stack.state()["2.weight"].is_contiguous()
    assert checkpoints.dumps(checkpoint) == data


# Bytes


def test_equal_checkpoints_have_equal_bytes(data: bytes) -> None:
    assert checkpoints.dumps(new_checkpoint()) == data
    assert checkpoints.dumps(checkpoints.loads(data)) == data
    shuffled = new_checkpoint()
    shuffled = Checkpoint(shuffled.stack, BLOCK_SIZE, shuffled.vocabulary, dict(reversed(FACTS.items())))
    assert checkpoints.dumps(shuffled) == data
    assert checkpoints.dumps(new_checkpoint(seed=2)) != data


def test_a_process_with_another_hash_seed_writes_the_same_bytes(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    program = (
        "import sys; from pathlib import Path; from model.network import checkpoint as c, checkpoint_header as h;"
        "print(hash('namesmith'), h.digest(c.dumps(c.load(Path(sys.argv[1])))))"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    output = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout
    other_hash, other_digest = output.split()
    assert int(other_hash) != hash("namesmith")
    assert other_digest == digest(data)


def test_the_digest_is_sha256(data: bytes) -> None:
    assert digest(data) == hashlib.sha256(data).hexdigest()
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_file_is_plain_safetensors_with_one_metadata_entry(data: bytes) -> None:
    length = int.from_bytes(data[:8], "little")
    assert list(json.loads(data[8 : 8 + length])["__metadata__"]) == [METADATA_KEY]
    tensors, metadata = parts(data)
    assert tensors.keys() == new_checkpoint().stack.state().keys()
    assert metadata["letters"] == list(LETTERS)
    assert metadata["format_version"] == 1


# Refusals: tensors

TensorChange = Callable[[dict[str, Tensor]], object]


def set_value(name: str, value: float) -> TensorChange:
    def change(tensors: dict[str, Tensor]) -> None:
        tensors[name].flatten()[-1] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("3.running_mean"), r"tensor 3\.running_mean is missing"),
        (lambda tensors: tensors.clear(), r"tensor 0\.weight is missing"),
        (lambda tensors: tensors.update({"2.bias": torch.zeros(6)}), r"tensor '2\.bias' belongs to no layer"),
        (lambda tensors: tensors.update({"0.weight": torch.zeros(3, 9)}), r"tensor 0\.weight has shape \(3, 9\)"),
        (lambda tensors: tensors.update({"0.weight": torch.zeros(27)}), r"tensor 0\.weight has shape \(27,\)"),
        (lambda tensors: tensors.update({"0.weight": torch.zeros(0)}), r"tensor 0\.weight has shape \(0,\)"),
        (set_value("2.weight", float("nan")), r"tensor 2\.weight holds NaN or infinity"),
        (set_value("18.gamma", float("inf")), r"tensor 18\.gamma holds NaN or infinity"),
        (set_value("3.running_mean", float("-inf")), r"tensor 3\.running_mean holds NaN or infinity"),
        (set_value("3.running_var", float("nan")), r"tensor 3\.running_var holds NaN or infinity"),
        (set_value("6.running_var", -1e-6), r"tensor 6\.running_var is negative"),
        (
            lambda tensors: tensors.update({"0.weight": tensors["0.weight"].double()}),
            r"tensor '0\.weight' is torch\.float64, not torch\.float32",
        ),
        (
            lambda tensors: tensors.update({"0.weight": tensors["0.weight"].half()}),
            r"tensor '0\.weight' is torch\.float16",
        ),
        (
            lambda tensors: tensors.update({"0.weight": tensors["0.weight"].int()}),
            r"tensor '0\.weight' is torch\.int32",
        ),
    ],
)
def test_a_wrong_tensor_is_refused_by_name(data: bytes, change: TensorChange, message: str) -> None:
    tensors, metadata = parts(data)
    change(tensors)
    with pytest.raises(CheckpointError, match=message):
        checkpoints.loads(joined(tensors, metadata))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("2.weight", float("nan"), r"tensor 2\.weight holds NaN or infinity"),
        ("3.beta", float("inf"), r"tensor 3\.beta holds NaN or infinity"),
        ("3.running_var", -0.5, r"tensor 3\.running_var is negative"),
    ],
)
def test_a_broken_stack_is_not_written(name: str, value: float, message: str) -> None:
    checkpoint = new_checkpoint()
    set_value(name, value)(checkpoint.stack.state())
    with pytest.raises(CheckpointError, match=message):
        checkpoints.dumps(checkpoint)


def test_a_variance_of_zero_is_allowed(data: bytes) -> None:
    tensors, metadata = parts(data)
    tensors["3.running_var"].zero_()
    assert float(checkpoints.loads(joined(tensors, metadata)).stack.state()["3.running_var"].sum()) == 0


# Refusals: metadata


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 2}, r"format_version: .*this program reads format 1"),
        ({"format_version": 0}, "format_version"),
        ({"format_version": "1"}, "format_version"),
        ({"format_version": None}, "format_version"),
        ({"format_version": 1.5}, "format_version"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"block_size": 0}, "block_size"),
        ({"block_size": MAX_BLOCK_SIZE + 1}, "block_size"),
        ({"block_size": "3"}, "block_size"),
        ({"block_size": 3.0}, "block_size"),
        ({"block_size": BLOCK_SIZE + 1}, r"layer 2, Linear\(in_features=9"),
        ({"letters": []}, "letters"),
        ({"letters": "abc"}, "letters"),
        ({"letters": [1, 2]}, r"letters\.0"),
        ({"letters": ["a"] * len(LETTERS)}, "the same letter twice"),
        ({"letters": [*LETTERS[1:], "ab"]}, "'ab' is not one printable character"),
        ({"letters": [*LETTERS[1:], "\n"]}, "is not one printable character"),
        ({"letters": list(LETTERS[1:])}, "must have num_embeddings=8"),
        ({"letters": [*LETTERS, "z"]}, "must have num_embeddings=10"),
        ({"normalization": {"form": "NFX", "case": "lower"}}, r"normalization\.form"),
        ({"normalization": {"form": "NFC", "case": "upper"}}, r"normalization\.case"),
        ({"normalization": {"form": "NFC"}}, r"normalization\.case"),
        ({"normalization": {"form": "NFC", "case": "lower", "more": 1}}, r"normalization\.more"),
        ({"facts": []}, "facts"),
        ({"facts": None}, "facts"),
        ({"layers": []}, "a stack has 1 to 1000 layers"),
        ({"layers": [{"type": "Flatten"}] * 1001}, "a stack has 1 to 1000 layers"),
        ({"layers": [1]}, r"layers\.0"),
        ({"layers": {"type": "Flatten"}}, "layers"),
        ({"layers": [{"type": "eval"}]}, "layer 0: type 'eval' is not one of"),
        ({"layers": [{"type": "Flatten"}]}, "belongs to no layer"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_wrong_metadata_is_refused_by_name(data: bytes, change: dict[str, Any], message: str) -> None:
    tensors, metadata = parts(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoints.loads(joined(tensors, {**metadata, **change}))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("field", ["format_version", "layers", "block_size", "letters", "normalization", "facts"])
def test_a_missing_field_is_refused_by_name(data: bytes, field: str) -> None:
    tensors, metadata = parts(data)
    del metadata[field]
    with pytest.raises(CheckpointError, match=f"checkpoint metadata: {field}: Field required"):
        checkpoints.loads(joined(tensors, metadata))


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {METADATA_KEY.upper(): "{}"}])
def test_a_file_without_the_entry_is_refused(data: bytes, metadata: dict[str, str] | None) -> None:
    with pytest.raises(CheckpointError, match="no metadata entry 'namesmith'"):
        checkpoints.loads(safetensors.torch.save(parts(data)[0], metadata=metadata))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        '"text"',
        "\x00",
        "{}",
        "[" * 100_000,
        '{"facts":' * 50_000,
        '{"format_version": ' + "1" * 10_000 + "}",
    ],
    ids=lambda text: repr(text)[:16],
)
def test_metadata_that_is_no_description_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(CheckpointError, match="checkpoint metadata: "):
        checkpoints.loads(joined(parts(data)[0], text))


@pytest.mark.parametrize("field", ["facts", "layers"])
def test_deeply_nested_json_is_refused(data: bytes, field: str) -> None:
    tensors, metadata = parts(data)
    depth = 20_000
    nested = '{"a":' * depth + "1" + "}" * depth
    text = json.dumps({**metadata, field: "HERE"}).replace('"HERE"', nested if field == "facts" else f"[{nested}]")
    with pytest.raises(CheckpointError, match="checkpoint metadata: "):
        checkpoints.loads(joined(tensors, text))


def test_a_deeply_nested_header_is_refused() -> None:
    header = ('{"a":' * 20_000 + "1" + "}" * 20_000).encode()
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        checkpoints.loads(struct.pack("<Q", len(header)) + header)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_facts_that_are_not_plain_json_are_refused_or_can_be_written_again(data: bytes, number: str) -> None:
    tensors, metadata = parts(data)
    text = json.dumps({**metadata, "facts": {"loss": "HERE"}}).replace('"HERE"', number)
    try:
        loaded = checkpoints.loads(joined(tensors, text))
    except CheckpointError:
        return
    checkpoints.dumps(loaded)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, b"bytes"], ids=repr)
def test_facts_that_json_cannot_hold_are_not_written(value: object) -> None:
    checkpoint = new_checkpoint()
    checkpoint.facts["loss"] = value
    with pytest.raises((CheckpointError, ValueError, TypeError)):
        checkpoints.dumps(checkpoint)


@pytest.mark.parametrize("size", [10**6, 10**6 + 1, 10**12, 2**63, 10**400])
@pytest.mark.parametrize("key", ["num_embeddings", "embedding_dim", "out_features"])
def test_huge_dimensions_are_refused(data: bytes, key: str, size: int) -> None:
    tensors, metadata = parts(data)
    entry = next(entry for entry in metadata["layers"] if key in entry)
    entry[key] = size
    with pytest.raises(
        CheckpointError, match=r"tensor \d\.\w+ has shape" if size <= 10**6 else f"{key} must be between"
    ):
        checkpoints.loads(joined(tensors, metadata))


def test_a_huge_model_that_fits_together_needs_its_tensors(data: bytes) -> None:
    """Shapes that agree with each other ask for over a terabyte; the file does not hold them."""
    tensors, metadata = parts(data)
    size = len(LETTERS) + 1
    metadata["layers"] = [
        {"type": "Embedding", "num_embeddings": size, "embedding_dim": 10**6},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 3 * 10**5, "out_features": size},
    ]
    with pytest.raises(CheckpointError, match="is missing"):
        checkpoints.loads(joined(tensors, metadata))
    metadata["layers"][0]["embedding_dim"] = 10**5
    metadata["layers"][2] |= {"out_features": 10**6}
    metadata["layers"].append({"type": "Linear", "in_features": 10**6, "out_features": size})
    with pytest.raises(CheckpointError, match="is missing"):
        checkpoints.loads(joined(tensors, metadata))


# Refusals: bytes


class Writes:
    """Writes the file `flag` when it is unpickled."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return exec, (f"open({str(self.flag)!r}, 'w').close()",)


@pytest.fixture
def no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpickling by any door fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.usefixtures("no_pickle")
def test_a_pickle_is_refused_and_not_unpickled(tmp_path: Path, protocol: int) -> None:
    flag = tmp_path / "flag"
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Writes(flag), protocol=protocol))
    with pytest.raises(CheckpointError, match="pickled files are never read"):
        checkpoints.load(path)
    assert not flag.exists()


def test_the_pickle_of_the_test_above_is_live(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    pickle.loads(pickle.dumps(Writes(flag)))
    assert flag.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.usefixtures("no_pickle")
def test_what_torch_saves_is_refused_and_not_unpickled(tmp_path: Path, zipped: bool) -> None:
    flag = tmp_path / "flag"
    buffer = io.BytesIO()
    content = {**new_checkpoint().stack.state(), "object": Writes(flag)}
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="pickled files are never read"):
        checkpoints.loads(buffer.getvalue())
    assert not flag.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\xff" * 8,
        b"\xff" * 100,
        b"name,count\nemma,3\n",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 2**40) + b"{}",
        struct.pack("<Q", 20) + b'{"__metadata__":null}'[:20],
        struct.pack("<Q", 21) + b'{"__metadata__":null}',
        struct.pack("<Q", 2) + b"\xff\xfe",
    ],
    ids=lambda content: repr(content)[:24],
)
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError):
        checkpoints.loads(content)


def test_a_truncated_file_is_refused(data: bytes) -> None:
    header = 8 + int.from_bytes(data[:8], "little")
    offsets = {
        *range(0, 20),
        *range(0, len(data), 97),
        header - 1,
        header,
        header + 1,
        *range(len(data) - 9, len(data)),
    }
    for offset in sorted(offsets):
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            checkpoints.loads(data[:offset])


@pytest.mark.parametrize("extra", [b"\x00", b"\x00" * 4096])
def test_a_file_with_bytes_behind_the_end_is_refused(data: bytes, extra: bytes) -> None:
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        checkpoints.loads(data + extra)


def assert_refused_or_valid(content: bytes) -> bool:
    """True where `content` was read; then it is whole: finite, callable, and written again as it was read."""
    try:
        loaded = checkpoints.loads(content)
    except CheckpointError:
        return False
    assert all(bool(torch.isfinite(tensor).all()) for tensor in loaded.stack.state().values())
    assert all(not layer.training for layer in loaded.stack.layers)
    with torch.no_grad():
        logits = loaded.stack(torch.zeros(2, loaded.block_size, dtype=torch.long))
    assert logits.shape == (2, loaded.vocabulary.size)
    again = checkpoints.loads(checkpoints.dumps(loaded))
    assert again.vocabulary == loaded.vocabulary
    assert again.facts == loaded.facts
    assert again.stack.describe() == loaded.stack.describe()
    return True


def test_random_changes_of_bytes_are_refused_or_give_a_valid_model(data: bytes) -> None:
    source = random.Random(5)
    header = 8 + int.from_bytes(data[:8], "little")
    accepted = 0
    for i in range(300):
        content = bytearray(data)
        for _ in range(source.choice([1, 1, 2, 8])):
            content[source.randrange(header if i % 3 else len(data))] = source.randrange(256)
        accepted += assert_refused_or_valid(bytes(content))
    assert 0 < accepted < 300


def test_random_insertions_and_deletions_are_refused_or_give_a_valid_model(data: bytes) -> None:
    source = random.Random(6)
    header = 8 + int.from_bytes(data[:8], "little")
    for _ in range(100):
        start = source.randrange(header)
        inserted = source.randbytes(source.randrange(4))
        assert_refused_or_valid(data[:start] + inserted + data[start + source.randrange(4) :])


def test_random_changes_of_metadata_are_refused_or_give_a_valid_model(data: bytes) -> None:
    tensors, metadata = parts(data)
    source = random.Random(7)
    text = json.dumps(metadata)
    for _ in range(300):
        place = source.randrange(len(text))
        char = source.choice('0123456789-.eE"[]{},:\\ntfNulé')
        assert_refused_or_valid(joined(tensors, text[:place] + char + text[place + source.randrange(2) :]))


# Files


def test_a_file_is_read_as_it_was_written(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    assert read(path) == data
    assert checkpoints.dumps(checkpoints.load(path)) == data


@pytest.mark.parametrize("reader", [read, checkpoints.load])
def test_a_path_that_cannot_be_read_is_named(reader: Callable[[Path], object], tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing", "No such file"), (tmp_path, "not a regular file")):
        with pytest.raises(CheckpointError, match=reason) as caught:
            reader(path)
        assert str(path) in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_without_permission_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    path.chmod(0)
    with pytest.raises(CheckpointError, match="Permission denied"):
        checkpoints.load(path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="not a safetensors file") as caught:
        checkpoints.load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_over_the_limit_is_refused(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    monkeypatch.setattr(headers, "MAX_FILE_BYTES", len(data))
    assert read(path) == data
    monkeypatch.setattr(headers, "MAX_FILE_BYTES", len(data) - 1)
    for reader in (read, checkpoints.load):
        with pytest.raises(CheckpointError, match="larger than"):
            reader(path)


def test_what_is_no_file_is_not_read_and_not_waited_for(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    (tmp_path / "link").symlink_to(tmp_path / "model.safetensors")
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        ("link", "symbolic link"),
        ("pipe", "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ):
        with pytest.raises(CheckpointError, match=reason):
            read(tmp_path / path)


def test_a_file_is_read_only_up_to_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate((1 << 20) + 1)
    monkeypatch.setattr(headers, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(CheckpointError, match="larger than the limit of 1 MiB"):
        read(tmp_path / "large")
