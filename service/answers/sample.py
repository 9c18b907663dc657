"""Answers of /sample: one JSON document, or names one after the other for as long as the client reads."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import orjson

from model.errors import ConstraintError
from model.sampling.sampler import CHUNK, MAX_DISTINCT, SAMPLER_VERSION, Sampler
from model.text.names import Names
from model.text.spelling import Form
from service.answers.resolve import constraint_problem, resolve
from service.catalog.catalog import Catalog
from service.catalog.served_model import ServedModel
from service.http.problems import field_problem
from service.http.requests import MAX_NAMES, SampleRequest
from service.telemetry.metrics import CHARACTERS, NAMES, count

_DRAWN_SEED_BITS = 53  # the integers that JavaScript holds exactly
_seeds = Random()
SHORT = 2_000
"""Names of a short request, see `is_short`."""
_CSV_HEADER = {False: b"name\r\n", True: b"name,log_prob,novel\r\n"}


@dataclass(frozen=True, eq=False)
class Draw:
    """A request ready to be answered."""

    model: ServedModel
    sampler: Sampler
    seed: int | str
    request: SampleRequest
    distinct: Names | None
    """All names of a request for unique ones: what is wrong with it is known before an answer begins."""

    @property
    def headers(self) -> dict[str, str]:
        return answer_headers(self.model.digest)

    @property
    def stream_headers(self) -> dict[str, str]:
        """The facts of a JSON answer, for forms that hold names alone."""
        return {
            **self.headers,
            "X-Seed": _as_header(self.seed),
            "X-Probability": _as_header(self.sampler.probability),
            "X-Exhausted": _as_header(self.exhausted),
        }

    @property
    def count(self) -> int:
        """How many names the answer has."""
        return self.request.n if self.distinct is None else len(self.distinct)

    @property
    def exhausted(self) -> bool:
        """No more names differ from those there are."""
        return self.count < self.request.n

    def names(self, first: int = 0) -> Iterator[Names]:
        """As many as are asked for, from number `first` on; those of a request for unique ones begin with the first."""
        for names in self._chunks(first):
            count(NAMES, self.model.label, len(names))
            count(CHARACTERS, self.model.label, len(names.symbols))
            yield names

    def _chunks(self, first: int) -> Iterator[Names]:
        if self.distinct is None:
            yield from self.sampler.draw(self.seed, self.request.n, first)
            return
        for begin in range(0, len(self.distinct), CHUNK):
            yield self.distinct.part(begin, begin + CHUNK)

    def json(self) -> bytes:
        """The bytes of a SampleResponse."""
        chunks = list(self.names())
        spelling = self.model.spelling(self.request.case, Form.JSON)
        return b"".join(
            (
                b'{"names":[',
                b",".join(map(spelling.write, chunks)),
                b'],"model":',
                self.model.reference_json,
                b',"seed":',
                orjson.dumps(self.seed),
                b',"probability":',
                orjson.dumps(self.sampler.probability),
                b',"exhausted":true,"details":' if self.exhausted else b',"exhausted":false,"details":',
                orjson.dumps([fact for chunk in chunks for fact in self._facts(chunk)])
                if self.request.details
                else b"null",
                b"}",
            )
        )

    def stream(self, form: Form) -> Iterator[bytes]:
        """The names in one of the streamed forms, in parts."""
        yield from filter(None, (self.heading(form),))
        for chunk in self.names():
            yield self.written(chunk, form)

    def heading(self, form: Form) -> bytes:
        """What stands before the first name."""
        return _CSV_HEADER[self.request.details] if form is Form.CSV else b""

    def written(self, chunk: Names, form: Form) -> bytes:
        """Some of the names in one of the streamed forms."""
        if self.request.details and form is not Form.LINES:
            return self._detailed(chunk, form)
        return self.model.spelling(self.request.case, form).write(chunk)

    def columns(self, names: Names) -> list[list[object]]:
        """The names and, with `details`, the log-probability of each and whether it is new."""
        columns: list[list[object]] = [[*self.model.texts(names, self.request.case)]]
        if self.request.details:
            novel = self.model.novel(names)
            columns += [
                self.sampler.log_probs(names).tolist(),
                [None] * len(names) if novel is None else novel.tolist(),
            ]
        return columns

    def _facts(self, names: Names) -> list[dict[str, object]]:
        """With `details` only."""
        facts = zip(*self.columns(names), strict=True)
        return [{"name": name, "log_prob": log_prob, "novel": new} for name, log_prob, new in facts]

    def _detailed(self, names: Names, form: Form) -> bytes:
        facts = self._facts(names)
        if form is Form.NDJSON:
            return b"".join(orjson.dumps(fact, option=orjson.OPT_APPEND_NEWLINE) for fact in facts)
        written = self.model.spelling(self.request.case, form).write(names).split(b"\r\n")
        rows = zip(written, facts, strict=False)
        return b"".join(b"%s,%r,%s\r\n" % (name, fact["log_prob"], _truth(fact["novel"])) for name, fact in rows)


def answer_headers(digest: str) -> dict[str, str]:
    """What every answer says of where it comes from."""
    return {"X-Model-Digest": digest, "X-Sampler-Version": str(SAMPLER_VERSION), "Vary": "Accept"}


def prepare(catalog: Catalog, request: SampleRequest, most: int = MAX_NAMES) -> Draw:
    """Makes a request ready, which may take some milliseconds. Raises what `check_number`, `Catalog.get`, `resolve`,
    `Resolved.sampler` and `prepare_with` raise."""
    check_number(request, most)
    resolved = resolve(catalog, catalog.get(request.model), request)
    return prepare_with(resolved.model, resolved.sampler(), request)


def is_short(request: SampleRequest) -> bool:
    """Whether it is answered on the event loop, once its sampler is there: drawing takes about a millisecond."""
    return request.n <= SHORT and not request.unique and not request.details


def drawn_seed() -> int:
    """A seed for a request that names none."""
    return _seeds.getrandbits(_DRAWN_SEED_BITS)


def check_number(request: SampleRequest, most: int = MAX_NAMES) -> None:
    """Raises ProblemError for more names than may be asked for, or than can be told apart in memory."""
    if request.n > most:
        raise field_problem("/n", f"at most {most:,} names in this form; to get more, ask for a stream (see Accept)")
    if request.unique and request.n > MAX_DISTINCT:
        raise field_problem("/n", f"at most {MAX_DISTINCT:,} names without repeats")


def prepare_with(model: ServedModel, sampler: Sampler, request: SampleRequest) -> Draw:
    """Makes a request ready with its sampler; those that are to differ are drawn. Raises ProblemError where that takes
    too much memory."""
    seed = drawn_seed() if request.seed is None else request.seed
    try:
        distinct = sampler.draw_distinct(seed, request.n) if request.unique else None
    except ConstraintError as error:
        raise constraint_problem(error) from None
    return Draw(model, sampler, seed, request, distinct)


def _truth(value: object) -> bytes:
    return b"" if value is None else b"true" if value else b"false"


def _as_header(value: object) -> str:
    """A value as JSON in ASCII."""
    return json.dumps(value)
