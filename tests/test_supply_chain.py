"""What is installed is what the locks say, by hash; the bill of materials and the audit tell of it."""

import base64
import hashlib
import http.server
import importlib.metadata
import json
import os
import re
import subprocess
import threading
import tomllib
import venv
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = {
    "run": PROJECT["project"]["dependencies"],
    "dev": PROJECT["dependency-groups"]["dev"],
    "tools": PROJECT["dependency-groups"]["tools"],
    "docs": PROJECT["dependency-groups"]["docs"],
}
OF_TORCH = next(entry for entry in PROJECT["tool"]["uv"]["dependency-metadata"] if entry["name"] == "torch")
TORCH_PIN = (ROOT / "requirements" / "torch.txt").read_text(encoding="utf-8").strip()
PIP = Path(str(importlib.metadata.distribution("pip").locate_file("")))
ENVIRONMENTS = [
    {
        **{key: str(value) for key, value in default_environment().items()},
        "sys_platform": system.lower(),
        "platform_system": system,
        "platform_machine": machine,
        "python_version": python,
        "python_full_version": f"{python}.1",
    }
    for system, machine in [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")]
    for python in ["3.11", "3.12", "3.13"]
]

Lock = dict[str, tuple[Requirement, list[str]]]


def read_lock(name: str) -> Lock:
    """The requirements of a lock with their hashes, by canonical name."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    lock: Lock = {}
    for line in re.sub(r"#.*|\\\n", "", text).split("\n"):
        if line.strip():
            requirement, *hashes = line.split("--hash=")
            parsed = Requirement(requirement)
            assert canonicalize_name(parsed.name) not in lock, f"{parsed.name} twice"
            lock[canonicalize_name(parsed.name)] = parsed, [digest.strip() for digest in hashes]
    return lock


LOCKS = {name: read_lock(name) for name in DIRECT}


def applies(requirement: Requirement, environment: dict[str, str], extras: Collection[str] = ()) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in ["", *extras])


def asked_for(direct: list[str], environment: dict[str, str]) -> Iterator[Requirement]:
    """Every requirement that these lead to, by the metadata of what is installed."""
    new, seen = [Requirement(text) for text in direct], set()
    while new:
        requirement = new.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if not applies(requirement, environment):
            continue
        yield requirement
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            texts = OF_TORCH["requires-dist"] if name == "torch" else importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        for further in map(Requirement, texts):
            if applies(further, environment, extras):
                further.marker = None
                new.append(further)


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_of_a_lock_is_one_version_with_hashes(name: str) -> None:
    assert LOCKS[name]
    for requirement, hashes in LOCKS[name].values():
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{e['python_version']}-{e['platform_machine']}")
@pytest.mark.parametrize("names", [["run"], ["run", "dev"]], ids=["run", "dev"])
def test_the_locks_hold_all_that_the_code_leads_to(names: list[str], environment: dict[str, str]) -> None:
    pins = {key: pin for name in names for key, (pin, _) in LOCKS[name].items() if applies(pin, environment)}
    pins["torch"] = Requirement(TORCH_PIN)
    for asked in asked_for([text for name in names for text in DIRECT[name]], environment):
        pin = pins.get(canonicalize_name(asked.name))
        assert pin, f"{asked} is in no lock"
        assert asked.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True), f"{asked}: {pin}"


def test_the_tools_are_locked_apart_from_the_rest() -> None:
    for group in ("tools", "docs"):
        for text in DIRECT[group]:
            assert canonicalize_name(Requirement(text).name) in LOCKS[group].keys() - LOCKS["run"].keys()
    assert not LOCKS["run"].keys() & LOCKS["dev"].keys()


def test_what_is_installed_is_what_the_locks_say() -> None:
    environment = {key: str(value) for key, value in default_environment().items()}
    for pin, _ in [*LOCKS["run"].values(), *LOCKS["dev"].values()]:
        if applies(pin, environment):
            assert pin.specifier.contains(importlib.metadata.version(pin.name), prereleases=True), pin


def test_pytorch_is_pinned_alone_and_asks_for_no_more_than_the_locks_know() -> None:
    assert TORCH_PIN in DIRECT["run"]
    assert re.fullmatch(r"torch==[\d.]+", TORCH_PIN)
    assert all("torch" not in lock for lock in LOCKS.values())
    assert Requirement(TORCH_PIN).specifier.contains(importlib.metadata.version("torch"))
    asked = {str(Requirement(text)) for text in importlib.metadata.requires("torch") or [] if "extra ==" not in text}
    cuda = {text for text in asked if re.match(r"nvidia|cuda|triton", text)}
    assert asked - cuda == {str(Requirement(text)) for text in OF_TORCH["requires-dist"]}


def test_no_file_names_a_package_index() -> None:
    paths = [
        *(ROOT / "requirements").iterdir(),
        *(ROOT / "scripts").iterdir(),
        ROOT / "Dockerfile",
        ROOT / ".ci" / "run",
    ]
    for path in [*paths, ROOT / "pyproject.toml"]:
        hosts = re.findall(r"\w+://(?!127\.0\.0\.1|localhost)\S+", path.read_text(encoding="utf-8"))
        assert not hosts, path


def test_images_are_pinned() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON_IMAGE=python:\d+\.\d+\.\d+-[\w-]+@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    for image in re.findall(
        r"^ *image: (\S+)$", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"), re.MULTILINE
    ):
        assert image == "namesmith" or re.search(r"@sha256:|:v?\d+\.\d+\.\d+", image), image


def write_wheel(path: Path) -> str:
    """Writes a package without a module and returns the SHA-256 of its file."""
    info = "nothing-1.0.dist-info"
    files = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()) for name, data in files.items()}
    record = [f"{name},sha256={digests[name].decode().rstrip('=')},{len(data)}\n" for name, data in files.items()]
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_package_that_differs_from_its_hash_is_refused(tmp_path: Path) -> None:
    for folder in ("scripts", "requirements", "wheels"):
        (tmp_path / folder).mkdir()
    script = tmp_path / "scripts" / "venv"
    script.write_bytes((ROOT / "scripts" / "venv").read_bytes())
    digest = write_wheel(tmp_path / "wheels" / "nothing-1.0-py3-none-any.whl")
    lock = tmp_path / "requirements" / "tools.txt"
    venv.create(
        tmp_path / ".venv-tools", symlinks=True
    )  # and this environment's pip, which is quicker than one of its own
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels"), "PYTHONPATH": str(PIP)}

    def install(text: str) -> subprocess.CompletedProcess[str]:
        lock.write_text(text, encoding="utf-8")
        command = ["bash", str(script), "tools"]
        return subprocess.run(command, env={**os.environ, **offline}, capture_output=True, text=True)

    for wrong, said in [(f"nothing==1.0 --hash=sha256:{'0' * 64}\n", "DO NOT MATCH"), ("nothing==1.0\n", "hash")]:
        refused = install(wrong)
        assert refused.returncode != 0
        assert said in refused.stderr
    assert not list((tmp_path / ".venv-tools").rglob("nothing-1.0.dist-info"))
    accepted = install(f"nothing==1.0 --hash=sha256:{digest}\n")
    assert accepted.returncode == 0, accepted.stderr
    assert list((tmp_path / ".venv-tools").rglob("nothing-1.0.dist-info"))


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "scripts" / name), *arguments], capture_output=True, text=True, timeout=300)


def test_the_bill_of_materials_names_what_runs_and_nothing_else() -> None:
    printed = run_script("sbom")
    assert printed.returncode == 0, printed.stderr
    bom = json.loads(printed.stdout)
    parts = {canonicalize_name(part["name"]): part for part in bom["components"]}
    environment = {key: str(value) for key, value in default_environment().items()}
    expected = {key for key, (pin, _) in LOCKS["run"].items() if applies(pin, environment)}
    assert {name for name in parts if not re.match(r"nvidia|cuda|triton", name)} == expected | {"torch"}
    for name, part in parts.items():
        assert part["version"] == importlib.metadata.version(name)
        assert part["purl"].startswith(f"pkg:pypi/{name}@")
    refs = {node["ref"] for node in bom["dependencies"]}
    assert refs == {part["bom-ref"] for part in [bom["metadata"]["component"], *bom["components"]]}
    assert all(refs.issuperset(node["dependsOn"]) for node in bom["dependencies"])
    for part in bom["components"]:
        part.pop("externalReferences", None)  # as cyclonedx-py wrote them; to check their addresses takes ten seconds
    check = "import sys; from cyclonedx.schema import SchemaVersion as V; from cyclonedx.validation.json import *; "
    check += "sys.exit(str(JsonStrictValidator(V.V1_6).validate_str(sys.stdin.read()) or '') or 0)"
    python = ROOT / ".venv-tools" / "bin" / "python"
    valid = subprocess.run([python, "-c", check], input=json.dumps(bom), capture_output=True, text=True)
    assert valid.returncode == 0, valid.stderr


class Advisories(http.server.BaseHTTPRequestHandler):
    """An advisory service in the form of OSV's that knows one vulnerability of each package named in `flawed`."""

    flawed: Collection[str] = ()

    def do_POST(self) -> None:
        package = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]
        versions = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.1"}]}
        flaw = {"id": "TEST-1", "summary": "a test", "affected": [{"package": package, "ranges": [versions]}]}
        body = json.dumps({"vulns": [flaw]} if package["name"] in type(self).flawed else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def advisories() -> Iterator[list[str]]:
    """The arguments that send scripts/audit to a service on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ["--vulnerability-service", "osv", "--osv-url", f"http://127.0.0.1:{server.server_port}/v1/query"]
        server.shutdown()


def test_the_audit_finds_a_vulnerability_in_any_lock(advisories: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    flawed = {"h11", "torch", "pytest", "pip-audit"}
    monkeypatch.setattr(Advisories, "flawed", flawed)
    found = run_script("audit", *advisories)
    assert found.returncode == 1, found.stderr
    assert set(re.findall(r"^(\S+) \S+ TEST-1 \(fixed in: 999\.1\)$", found.stdout, re.MULTILINE)) == flawed


def test_the_audit_tells_all_is_well_from_no_answer(advisories: list[str]) -> None:
    assert run_script("audit", *advisories).returncode == 0
    nobody = "http://127.0.0.1:1/v1/query"
    unanswered = run_script("audit", *advisories[:-1], nobody)
    assert unanswered.returncode == 3
    assert "did not answer, so nothing is known" in unanswered.stderr
    assert run_script("audit", "--no-such-option").returncode == 2
