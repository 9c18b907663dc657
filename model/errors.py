"""Every error that the core raises on purpose. None of them knows of HTTP or of exit codes.

NamesmithError
|- VocabularyError
|  `- UnknownCharacterError
|- StackError          a layer list that cannot be built
|- CheckpointError     a model file that cannot be trusted
|- StoreError          a store, a model name or a version that is not there or not whole
|- TableTooLargeError  a model whose table of transitions is over the memory budget
|- BlendError         models that cannot be blended
|- ConstraintError     a constraint that is malformed, not supported or too complex
`- UnsatisfiableError  a constraint that no name meets
"""


class NamesmithError(Exception):
    """Base of all domain errors; the message says what, where and what to do."""


class VocabularyError(NamesmithError):
    """Symbols that cannot form a vocabulary."""


class UnknownCharacterError(VocabularyError):
    """A character outside the vocabulary."""

    def __init__(self, char: str, position: int) -> None:
        self.char = char
        self.position = position
        super().__init__(f"character {char!r} at position {position + 1} is not in the model's vocabulary")


class StackError(NamesmithError):
    """A description from which no stack can be built."""


class CheckpointError(NamesmithError):
    """A model file that is malformed, of another version, or numerically broken."""


class StoreError(NamesmithError):
    """A store, model name or version that is missing, malformed or altered."""


class TableTooLargeError(NamesmithError):
    """The table of transitions would not fit the memory budget."""


class BlendError(NamesmithError):
    """Models that do not fit together, or a blend that is not written as one."""


class ConstraintError(NamesmithError):
    """A constraint that is malformed, not supported or too complex; `field` names the part of the request."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class UnsatisfiableError(NamesmithError):
    """No name meets the constraints under these settings."""
