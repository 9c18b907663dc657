"""Training reports: HTML that came with a version, read from the store when asked for."""

import logging

from fastapi import Response

from model.errors import CheckpointError, StoreError
from model.store.version_files import REPORT_FILE
from service.catalog.served_model import PublishedModel
from service.http import etags
from service.http.problems import ProblemError, documented

log = logging.getLogger("namesmith")
DOCUMENTED = documented(401, 404, 409, 410, 422, 429, 500, 503) | {
    304: {"description": "The one whose ETag was in If-None-Match."}
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}


def answer(model: PublishedModel, known: str | None) -> Response:
    """The report of `model`, or 304 where `known` (If-None-Match) has it: the name may lead to another version by
    then. Raises ProblemError: 404 for a version without one, 410 for one that is not what was published."""
    try:
        content = model.version.read(REPORT_FILE)
    except (StoreError, CheckpointError, OSError) as error:
        log.error("the report of %s, version %s: %s", model.name, model.digest[:12], error)
        detail = (
            f"the report of this version of {model.name} was changed or removed; check "
            "it with `python -m training verify`"
        )
        raise ProblemError(410, "report-gone", detail) from None
    if content is None:
        detail = (
            f"this version of {model.name} was published without a report; make one with `python -m training report`"
        )
        raise ProblemError(404, "no-report", detail)
    tag = model.version.manifest["files"][REPORT_FILE]
    return etags.answer(known, tag, content, "text/html", {**_HEADERS, "X-Model-Digest": model.digest})
