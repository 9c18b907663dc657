"""nginx with the proxy of deploy/nginx, in front of services on this machine."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import ROOT, free_port

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
CONFIGURATION = ROOT / "deploy" / "nginx"
_MAIN = """
pid {work}/pid;
error_log {work}/error.log notice;
daemon off;
{user}
events {{}}
http {{
    access_log {work}/access.log;
    client_body_temp_path {work}/body;
    proxy_temp_path {work}/proxy;
    fastcgi_temp_path {work}/fastcgi;
    uwsgi_temp_path {work}/uwsgi;
    scgi_temp_path {work}/scgi;
    include {work}/conf.d/*.conf;
}}
"""


def configure(work: Path, upstream: str, port: int) -> list[str]:
    """Writes what nginx needs to listen on `port`, and returns the command that starts it."""
    (work / "conf.d").mkdir(parents=True)
    (work / "conf.d" / "upstream.conf").write_text(upstream, encoding="utf-8")
    proxy = (CONFIGURATION / "namesmith.conf").read_text(encoding="utf-8")
    assert proxy.count("listen 8080 ") == 1
    proxy = proxy.replace("listen 8080 ", f"listen 127.0.0.1:{port} ")
    (work / "conf.d" / "namesmith.conf").write_text(proxy, encoding="utf-8")
    user = "user root;" if Path.home() == Path("/root") else ""  # the directories are this user's alone
    (work / "nginx.conf").write_text(_MAIN.format(work=work, user=user), encoding="utf-8")
    assert NGINX is not None
    return [NGINX, "-c", str(work / "nginx.conf"), "-e", str(work / "error.log")]


def upstream_of(*ports: int) -> str:
    """deploy/nginx/upstream.conf, with these ports of this machine in place of a name."""
    lines = (CONFIGURATION / "upstream.conf").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.strip().startswith(("resolver ", "server "))]
    servers = [f"    server 127.0.0.1:{port} max_fails=0;" for port in ports]
    at = next(number for number, line in enumerate(kept) if line.startswith("upstream ")) + 1
    return "\n".join([*kept[:at], *servers, *kept[at:], ""])


@contextmanager
def proxy(work: Path, *ports: int) -> Iterator[int]:
    """The port of a proxy in front of the services on these ports."""
    port = free_port()
    with (work / "nginx.log").open("wb") as output:
        command = configure(work / "nginx", upstream_of(*ports), port)
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_open(process, port, work / "nginx.log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_open(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text(errors="replace"))
