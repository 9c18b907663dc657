"""Files that were damaged, or made to do harm: for those that read them."""

import json
import random
from collections.abc import Iterator
from typing import Any

from model.network.checkpoint_header import METADATA_KEY

_LENGTH = 8
_CHARACTERS = '0123456789-.eE"[]{},:\\ntfNulé'
_STRANGE: tuple[Any, ...] = (
    *(0, -1, 1, 7, 2**31, 2**53, 2**63 - 1, 10**6, 10**30, 0.5, 1e308, True, False, None),
    *("", "F16", "F64", "I64", "BF16", "Linear", "a", "é", "\udc80", "x" * 10_000),
    *([], {}, [[[[]]]], [1, 2, 3], [10**6, 10**6], [2**63, 2**63], {"__metadata__": {}}),
)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A bit flipped, cut, spliced, its beginning or a piece replaced, or what looks like a pickle."""
    kind, at = chance.randrange(6), chance.randrange(len(content))
    if kind == 0:
        return content[:at] + bytes((content[at] ^ (1 << chance.randrange(8)),)) + content[at + 1 :]
    if kind == 1:
        return content[:at]
    if kind == 2:
        return content[:at] + content[at // 2 :]
    if kind == 3:
        return chance.randbytes(chance.randrange(64)) + content[8:]
    if kind == 4:
        return b"\x80\x04\x95" + content
    return content[:at] + chance.randbytes(chance.randrange(32)) + content[at:]


def mutated_checkpoint(content: bytes, chance: random.Random) -> bytes:
    """As `mutated`, or damaged where it counts: another length, a value or a character of the header or of the metadata
    in it, or a number of a tensor."""
    kind, length = chance.randrange(6), int.from_bytes(content[:_LENGTH], "little")
    text, tensors = content[_LENGTH : _LENGTH + length], content[_LENGTH + length :]
    if kind == 0:
        return mutated(content, chance)
    if kind == 1:
        claimed = chance.choice((0, length - 1, length + 1, 2**23, 2**31, 2**63, 2**64 - 1, chance.randrange(2**64)))
        return claimed.to_bytes(_LENGTH, "little") + text + tensors
    if kind == 2:
        at = 4 * chance.randrange(len(tensors) // 4)
        number = chance.choice((b"\x00\x00\xc0\x7f", b"\x00\x00\x80\xff", b"\xff\xff\x7f\x7f", chance.randbytes(4)))
        return content[: _LENGTH + length] + tensors[:at] + number + tensors[at + 4 :]
    header = json.loads(text)
    metadata = json.loads(header["__metadata__"][METADATA_KEY])
    if kind == 3:
        _replace_somewhere(header, chance)
    else:
        if kind == 4:
            _replace_somewhere(metadata, chance)
        written = json.dumps(metadata)
        if kind == 5:
            at = chance.randrange(len(written))
            written = written[:at] + chance.choice(_CHARACTERS) + written[at + chance.randrange(2) :]
        header["__metadata__"][METADATA_KEY] = written
    text = json.dumps(header).encode()
    return len(text).to_bytes(_LENGTH, "little") + text + tensors


def _replace_somewhere(value: Any, chance: random.Random) -> None:
    """One entry of what is nested in `value` becomes another, is removed, or takes the place of its neighbour."""
    places = list(_places(value))
    inside, key = chance.choice(places)
    kind = chance.randrange(4)
    if kind == 0:
        del inside[key]
    elif kind == 1:
        inside[key] = chance.choice(places)[0]
        if _is_in_itself(inside[key], inside):
            inside[key] = None
    elif kind == 2 and isinstance(inside[key], int):
        inside[key] += chance.choice((-1, 1, 4, -(2**40), 2**40))
    else:
        inside[key] = chance.choice(_STRANGE)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container within `value` with each of its keys, without those of long lists."""
    keys = value if isinstance(value, dict) else range(min(len(value), 30)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _is_in_itself(value: Any, inside: Any) -> bool:
    return value is inside or any(_is_in_itself(container[key], inside) for container, key in _places(value))
