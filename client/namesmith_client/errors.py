"""Everything that a client raises.

NamesmithError
|- ConnectionFailedError     no answer, or half of one
|  `- TimedOutError
|- AnswerError               an answer that is not the service's
`- ProblemError              the service says what is wrong
   |- InvalidRequestError    400, 413, 415, 422: the request cannot be met as it is
   |  `- UnsatisfiableError  no name meets the constraints
   |- RefusedError           401, 403: no key, or not a good one
   |- NotFoundError          404: there is no such model
   |- ModelChangedError      409: the pinned digest is not served
   |- RateLimitedError       429: more than this client may ask for
   `- ServiceError           500 and above
      `- UnavailableError    503: overloaded, not ready, or shutting down
"""

from dataclasses import dataclass


class NamesmithError(Exception):
    """Base of all errors."""


class ConnectionFailedError(NamesmithError):
    """The service could not be reached, or went away amid its answer."""


class TimedOutError(ConnectionFailedError):
    """The service did not answer in time."""


class AnswerError(NamesmithError):
    """What answered does not speak as the service does; is the address right?"""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field."""

    pointer: str
    """JSON pointer to the field."""
    detail: str


class ProblemError(NamesmithError):
    """The service's own account of what is wrong (RFC 9457)."""

    def __init__(
        self,
        status: int,
        problem_type: str,
        title: str,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = problem_type
        """What kind of problem; stable, for programs."""
        self.title = title
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        """For whoever reads the service's log."""
        self.retry_after = retry_after
        """Seconds after which to ask again, where the service says so."""


class InvalidRequestError(ProblemError):
    """The request cannot be met as it is; `errors` names the fields."""


class UnsatisfiableError(InvalidRequestError):
    """No name meets the constraints."""


class RefusedError(ProblemError):
    """There was no API key, or not a good one."""


class NotFoundError(ProblemError):
    """There is no such model."""


class ModelChangedError(ProblemError):
    """The digest that was pinned is not the one being served."""


class RateLimitedError(ProblemError):
    """More requests than this client may send."""


class ServiceError(ProblemError):
    """The service failed."""


class UnavailableError(ServiceError):
    """The service is overloaded, not ready, or shutting down."""


def problem_class(status: int, problem_type: str) -> type[ProblemError]:
    """The class for a problem."""
    if problem_type == "unsatisfiable":
        return UnsatisfiableError
    known = {
        401: RefusedError,
        403: RefusedError,
        404: NotFoundError,
        409: ModelChangedError,
        429: RateLimitedError,
        503: UnavailableError,
    }
    return known.get(status, ServiceError if status >= 500 else InvalidRequestError)
