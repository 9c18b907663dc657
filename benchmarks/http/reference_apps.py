"""What the service is measured against, each an application of one worker:
`python -m benchmarks.http.reference_apps {empty,raw,torch} --port PORT`.

`empty` is FastAPI with the service's own types and nothing to do, `raw` an ASGI answer without any check, `torch` the
obvious service, which calls the network for each character.
"""

import argparse
import json
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.http.requests import LossRequest, SampleRequest
from service.http.responses import LossResponse, ModelRef, NameScore, SampleResponse

SIZES = (1, 100, 1000)
_MODEL = ModelRef(name="us-names", digest="0" * 64)
_OPTIONS: dict[str, Any] = {
    "host": "127.0.0.1",
    "loop": "uvloop",
    "http": "httptools",
    "access_log": False,
    "timeout_keep_alive": 5,
    "timeout_graceful_shutdown": 20,
    "server_header": False,
}
"""As in service/cli.py."""


def sample_body(**asked: Any) -> bytes:
    return json.dumps(asked, separators=(",", ":")).encode()


def empty_app() -> FastAPI:
    app = _with_readiness()
    samples = {n: _sample(["Katelyn"] * n) for n in SIZES}
    score = NameScore(
        name="Katelyn", loss=2.5, log_prob=-20.5, novel=False, percentile=None, ignored=None, characters=None
    )
    losses = {n: LossResponse(loss=2.5, perplexity=12.18, names=[score] * n, model=_MODEL) for n in SIZES}

    @app.post("/sample")
    async def sample(body: SampleRequest) -> SampleResponse:
        return samples[body.n]

    @app.post("/loss")
    async def loss(body: LossRequest) -> LossResponse:
        return losses[len(body.names)]

    return app


def torch_app() -> FastAPI:
    import torch  # the other references do without

    from benchmarks.sampling import torch_loop

    app = _with_readiness()
    checkpoint, generator = torch_loop.bundled(), torch.Generator().manual_seed(1)

    @app.post("/sample")
    async def sample(body: SampleRequest) -> SampleResponse:
        names = torch_loop.one_by_one(checkpoint, body.n, generator)
        return _sample([name.title() for name in names])

    return app


async def raw_app(scope: Any, receive: Any, send: Any) -> None:
    """Answers by the bytes of the request."""
    if scope["type"] != "http":
        return
    request, more = b"", True
    while more:
        message = await receive()
        request += message.get("body", b"")
        more = message.get("more_body", False)
    answer = _RAW_ANSWERS.get(request, b"{}")
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _with_readiness() -> FastAPI:
    app = FastAPI()

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def _sample(names: list[str]) -> SampleResponse:
    return SampleResponse(names=names, model=_MODEL, seed=1, probability=1.0, exhausted=False, details=None)


_RAW_ANSWERS = {sample_body(n=n): _sample(["Katelyn"] * n).model_dump_json().encode() for n in SIZES}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["empty", "raw", "torch"])
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    app: Any = {"empty": empty_app, "raw": lambda: raw_app, "torch": torch_app}[arguments.kind]()
    uvicorn.run(app, port=arguments.port, lifespan="off" if arguments.kind == "raw" else "auto", **_OPTIONS)


if __name__ == "__main__":
    main()
