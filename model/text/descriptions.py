"""The line that says what a model is good for."""

from model.text.vocabulary import is_printable

MAX_DESCRIPTION_LENGTH = 200
DESCRIPTION = "description"
"""Its entry in a checkpoint's facts."""


def description_fault(text: str) -> str | None:
    """Why this cannot describe a model, or None."""
    if not text.strip():
        return "it is empty"
    if len(text) > MAX_DESCRIPTION_LENGTH:
        return f"it has {len(text):,} characters, at most {MAX_DESCRIPTION_LENGTH} are allowed"
    return next((f"it holds the control character {char!a}" for char in text if not is_printable(char)), None)


def description_in(facts: dict[str, object]) -> str | None:
    """The one in a checkpoint's facts, which are free JSON and may have been written elsewhere; None where there is
    none that could be shown."""
    text = facts.get(DESCRIPTION)
    return text if isinstance(text, str) and description_fault(text) is None else None
