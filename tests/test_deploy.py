"""deploy/ and docker-compose.yml: read by the tools that they are written for, where those are installed, and true to
the service in any case."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from prometheus_client import Metric

from model.store.store import Store
from service.catalog.catalog import Catalog
from service.routes.exposition import _Served
from service.settings import Settings
from service.telemetry import metric_files
from service.telemetry.metrics import REGISTRY
from tests.reliability.proxy import CONFIGURATION, NGINX, configure, upstream_of

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
RULES = yaml.safe_load((PROMETHEUS / "rules.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "namesmith.json").read_text(encoding="utf-8"))
EXPRESSIONS = {
    **{rule.get("record") or rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    },
    **{each["name"]: each["expr"] for each in DASHBOARD["annotations"]["list"]},
}
_SAMPLES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
_NAME_FILES = {"store", "bundled_store"}


def needs(tool: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed (apt install {package})")


def checked(*command: str | Path) -> str:
    """What a command prints that must not fail."""
    done = subprocess.run([*command], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metrics_of_the_service() -> Iterator[Metric]:
    yield from REGISTRY.collect()
    yield from _Served(cast(Catalog, SimpleNamespace(models=[], rejected={}))).collect()


def series_of_the_service() -> set[str]:
    """The names of all series, those of the supervisor too, which sets its process up when it makes them."""
    names = {metric.name + end for metric in metrics_of_the_service() for end in _SAMPLES[metric.type]}
    counters = re.findall(r'Counter\(\s*"(\w+)"', Path(metric_files.__file__).read_text(encoding="utf-8"))
    return names | {f"{name}_total" for name in counters}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_of_prometheus_exists(expression: str) -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = set(re.findall(r"[\w:]*namesmith_[\w:]*", EXPRESSIONS[expression]))
    assert asked or "up{" in EXPRESSIONS[expression]
    assert asked <= series_of_the_service() | recorded


def test_every_metric_is_in_the_documentation_and_every_one_that_is_worth_a_look_on_the_dashboard() -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    documented = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in series_of_the_service():
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert base in documented or f"`{base.removeprefix('namesmith')}`" in documented, name
        if not name.endswith(("_sum", "_count", "characters_total", "model_parameters")):
            assert name in shown


@needs("promtool", "prometheus")
def test_promtool_accepts_the_configuration_and_the_rules_do_as_their_tests_say() -> None:
    assert "SUCCESS" in checked("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert "SUCCESS" in checked("promtool", "test", "rules", PROMETHEUS / "rules_test.yml")


def test_every_rule_is_tested_and_every_alert_explained() -> None:
    tested = (PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8")
    explained = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for rule in RULES:
        name = rule.get("record") or rule["alert"]
        assert name in tested
        assert "record" in rule or f"`{name}`" in explained, name


@needs("promtool", "prometheus")
def test_prometheus_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    rules = [
        {"record": f"dashboard:{number}", "expr": text.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for number, text in enumerate(EXPRESSIONS.values())
    ]
    assert not any("$" in rule["expr"] for rule in rules)
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in checked("promtool", "check", "rules", path)


def test_the_dashboard_asks_the_source_that_is_provisioned_and_no_panels_overlap() -> None:
    (source,) = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8")
    )["datasources"]
    assert set(re.findall(r'"uid": "([^"]+)"', json.dumps(DASHBOARD))) == {source["uid"], DASHBOARD["uid"]}
    (provider,) = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "dashboards" / "namesmith.yml").read_text(encoding="utf-8")
    )["providers"]
    mounted = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(at["x"] + x, at["y"] + y) for at in places for x in range(at["w"]) for y in range(at["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt install nginx-light)")
def test_nginx_accepts_the_proxy(tmp_path: Path) -> None:
    assert "test is successful" in checked(*configure(tmp_path / "ports", upstream_of(8000, 8001), 8080), "-t")
    version = tuple(map(int, re.findall(r"nginx/([\d.]+)", checked(cast(str, NGINX), "-v"))[0].split(".")))
    if version >= (1, 27, 3):  # names that are resolved while it runs
        by_name = (CONFIGURATION / "upstream.conf").read_text(encoding="utf-8")
        assert "test is successful" in checked(*configure(tmp_path / "name", by_name, 8080), "-t")


def test_the_proxy_has_the_bounds_of_the_service() -> None:
    text = (CONFIGURATION / "namesmith.conf").read_text(encoding="utf-8")
    units = {"k": 1 << 10, "m": 1 << 20, "s": 1}

    def value(name: str, source: str = text) -> int:
        (found,) = re.findall(rf"^ *{name} (?:4 )?(\d+)([kms]);", source, re.MULTILINE)
        return int(found[0]) * units[found[1]]

    fields = Settings.model_fields
    assert value("client_max_body_size") == value("client_body_buffer_size") == fields["max_body_bytes"].default
    assert value("large_client_header_buffers") == fields["max_header_bytes"].default
    assert value("client_header_timeout") == fields["header_seconds"].default
    assert value("client_body_timeout") == fields["body_seconds"].default
    upstream = (CONFIGURATION / "upstream.conf").read_text(encoding="utf-8")
    assert value("keepalive_timeout", upstream) < fields["keep_alive_seconds"].default


@needs("systemd-analyze", "systemd")
@pytest.mark.parametrize("name", ["namesmith.service", "namesmith-train.service"])
def test_systemd_accepts_the_unit_and_finds_little_that_it_could_reach(tmp_path: Path, name: str) -> None:
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/namesmith/.venv/bin/python", sys.executable), encoding="utf-8")
    timer = tmp_path / "namesmith-train.timer"
    timer.write_bytes((DEPLOY / "systemd" / timer.name).read_bytes())
    units = (unit, timer) if unit.stem == timer.stem else (unit,)
    assert checked("systemd-analyze", "verify", *units) == ""
    checked("systemd-analyze", "security", "--offline=true", "--threshold=15", unit)  # of 100, which is the worst


@needs("systemd-analyze", "systemd")
def test_the_timer_trains_once_a_night() -> None:
    text = (DEPLOY / "systemd" / "namesmith-train.timer").read_text(encoding="utf-8")
    when = re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE)[0]
    told = checked("systemd-analyze", "calendar", "--iterations=2", when)
    first, second = (datetime.fromisoformat(each) for each in re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", told)[:2])
    assert (second - first).days == 1


def test_nightly_training_publishes_lists_that_changed_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of both the unit and the container, on folders of this test."""
    _, _, loop = COMPOSE["services"]["nightly"]["entrypoint"]
    text = (DEPLOY / "systemd" / "namesmith-train.service").read_text(encoding="utf-8")
    words = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)[0].split()
    assert words[1:-1] == loop.removeprefix("while ").partition(";")[0].split()[1:-1]
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "towns.txt").write_text("\n".join(f"{a}{b}ton" for a in "abcdefgh" for b in "aeiou"), encoding="utf-8")
    monkeypatch.setenv("NAMESMITH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # several threads wait for each other where others work too
    command = [sys.executable, *words[1:-1], str(lists), "--preset", "fast", "--steps", "100"]
    published = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert published.returncode == 0, published.stderr
    digest = Store(tmp_path / "store").current("towns")
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "published" not in again.stdout
    assert Store(tmp_path / "store").digests("towns") == [digest]


@needs("docker-compose", "docker-compose")
def test_compose_lets_in_this_machine_alone_and_mounts_keys_that_are_named(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("ana:" + "0" * 64 + "\n", encoding="utf-8")

    def api(**variables: str) -> dict[str, Any]:
        command = ["docker-compose", "config"]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True)
        service: dict[str, Any] = yaml.safe_load(done.stdout)["services"]["api"]
        return service

    assert all("127.0.0.1" in str(port) for port in api()["ports"])  # a text or a mapping, by the version of compose
    with_keys = api(NAMESMITH_KEYS_FILE=str(keys))
    assert with_keys["environment"]["NAMESMITH_KEYS_FILE"] == str(keys)
    assert str(with_keys["volumes"]).count(str(keys)) == 2  # from here to there
    assert not api()["environment"].get("NAMESMITH_KEYS_FILE")


def test_the_unit_gives_the_time_to_drain() -> None:
    text = (DEPLOY / "systemd" / "namesmith.service").read_text(encoding="utf-8")
    grace = int(re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[0])
    drain = Settings.model_fields["drain_seconds"].default
    assert grace > drain + 5
    assert int(COMPOSE["services"]["api"]["stop_grace_period"].removesuffix("s")) > drain + 5


@needs("docker-compose", "docker-compose")
def test_compose_accepts_every_profile_and_passes_settings_on() -> None:
    profiles = sorted({name for service in COMPOSE["services"].values() for name in service.get("profiles", [])})
    command = ["docker-compose", *(word for name in profiles for word in ("--profile", name)), "config"]
    variables = {"NAMESMITH_KEYS": "ana:" + "0" * 64, "NAMESMITH_PORT": "127.0.0.1:8000-8009", "NAMESMITH_WORKERS": "3"}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = yaml.safe_load(done.stdout)
    assert read["services"].keys() == COMPOSE["services"].keys()
    assert read["services"]["api"]["environment"]["NAMESMITH_KEYS"] == variables["NAMESMITH_KEYS"]
    assert read["services"]["api"]["command"][-2:] == ["--workers", "3"]


def test_compose_passes_every_setting_on_but_those_that_name_files() -> None:
    passed = {name.removeprefix("NAMESMITH_").lower() for name in COMPOSE["services"]["api"]["environment"]}
    assert passed == set(Settings.model_fields) - _NAME_FILES


def test_every_variable_of_compose_is_explained_at_its_top() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    comment, _, rest = text.partition("\nx-hardened")
    for name in set(re.findall(r"(?<!\$)\$\{(\w+)", rest)):
        assert re.search(rf"^# {name} ", comment, re.MULTILINE), name


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_is_hardened_and_its_image_pinned(name: str) -> None:
    service: dict[str, Any] = COMPOSE["services"][name]
    assert service["image"] == "namesmith" or re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+(-[\w.]+)?", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 256
    assert "/tmp" in service["tmpfs"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()
    if "ports" in service:  # it runs on
        assert "mem_limit" in service
        assert service["restart"] == "unless-stopped"
        assert name == "api" or "healthcheck" in service  # the image of `api` has its own
        assert name == "api" or all("127.0.0.1:" in port for port in service["ports"])
    for volume in service.get("volumes", []):
        if volume.startswith("./"):
            assert volume.endswith(":ro")
            assert (ROOT / volume.split(":")[0]).is_dir()


def test_grafana_has_no_password_of_its_own() -> None:
    """What its entry point makes of the variable, with the last step, the start, left out."""
    shell, option, script = COMPOSE["services"]["grafana"]["entrypoint"]
    script = script.replace("$$", "$").replace("exec /run.sh", 'printf %s "$GF_SECURITY_ADMIN_PASSWORD"')

    def made(given: str) -> bytes:
        environment = os.environ | {"GF_SECURITY_ADMIN_PASSWORD": given}
        return subprocess.run([shell, option, script], env=environment, capture_output=True, check=True).stdout

    first, second = made(""), made("")
    assert len(first) == len(second) == 32
    assert first != second
    assert made("chosen") == b"chosen"
