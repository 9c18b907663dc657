"""The pages that people see, served from memory: the playground at `/`, and the API's documentation at `/docs`.

Their files are in `service/pages`; Swagger UI comes from the package fastapi-swagger, so that no page loads anything
from elsewhere.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from service.http import etags

DIRECTORY = Path(__file__).resolve().parents[1] / "pages"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")


@dataclass(frozen=True)
class _Asset:
    content: bytes
    media_type: str
    tag: str


def page_routes() -> APIRouter:
    """Routes for `/`, `/docs` and the files under `/pages/` that those load. The files are read here, once."""
    assets = _read_assets()
    router = APIRouter(include_in_schema=False)

    def answer(request: Request, name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise HTTPException(404)
        known = request.headers.get("if-none-match")
        return etags.answer(known, asset.tag, asset.content, asset.media_type, _HEADERS)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def playground(request: Request) -> Response:
        return answer(request, "index.html")

    @router.api_route("/docs", methods=["GET", "HEAD"])
    async def documentation(request: Request) -> Response:
        return answer(request, "docs.html")

    @router.api_route("/pages/{name}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str) -> Response:
        return answer(request, name)

    return router


def _read_assets() -> dict[str, _Asset]:
    """By name: every file of the directory, and those of Swagger UI."""
    contents = {path.name: path.read_bytes() for path in DIRECTORY.iterdir() if path.suffix in _MEDIA_TYPES}
    swagger = files("fastapi_swagger") / "resources"
    contents |= {name: (swagger / name).read_bytes() for name in _SWAGGER}
    return {
        name: _Asset(content, _MEDIA_TYPES[Path(name).suffix], hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    }
