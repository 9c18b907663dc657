"""The words that no name may hold: the list that comes with namesmith, your own, or none."""

from pathlib import Path

DEFAULT = Path(__file__).resolve().parent / "blocked_words.txt"
OFF = "off"
MAX_BYTES = 1_048_576


def read_block_list(choice: str) -> frozenset[str]:
    """The words of `choice`: "default", "off", or the path of a text file (UTF-8, one word a line, lines that begin
    with # left out). Raises ValueError, saying what is wrong with the file."""
    if choice == OFF:
        return frozenset()
    path = DEFAULT if choice == "default" else Path(choice)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot read the block list {path}: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise ValueError(f"the block list {path} is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"the block list {path} is not UTF-8 text") from None
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
