"""Settings, from the environment with the prefix NAMESMITH_ (see docs/settings.md)."""

from ipaddress import ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.store.store import BUNDLED, OWN
from service.access.keys import read_key_file, read_keys, read_quota
from service.block_list import read_block_list


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="NAMESMITH_", extra="ignore", frozen=True)

    store: Path = Field(OWN, description="Directory of your own models; they take precedence over bundled ones.")
    bundled_store: Path = Field(BUNDLED, description="Directory of the models that come with namesmith.")
    poll_seconds: float = Field(
        0.5, ge=0.05, le=3600, description="Seconds between two looks for new versions in the stores."
    )
    default_model: str = Field(
        "us-names", description="Model that answers if a request names none; if it is not served, the first by name."
    )
    block_list: str = Field(
        "default",
        description="Words that no drawn name may contain: `default`, `off`, or a text file with one word a line.",
    )
    plan_cache_mb: int = Field(192, ge=1, description="Memory for the prepared samplers of all models.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body; a larger one gets 413.")
    max_header_bytes: int = Field(
        16_384, ge=1024, description="Largest request line and headers together; larger ones get 431 or 414."
    )
    max_headers: int = Field(100, ge=10, description="Most headers in a request; more get 431.")
    header_seconds: float = Field(10, gt=0, description="Time limit for sending a request's headers; then 408.")
    body_seconds: float = Field(
        10, gt=0, description="Time limit for sending a request's body, after its headers; then 408."
    )
    stall_seconds: float = Field(
        20, gt=0, description="Time within which a client must read more of a long answer; otherwise it is cut off."
    )
    keep_alive_seconds: float = Field(
        5, gt=0, description="Time that an idle connection is kept open between two requests."
    )
    max_connections: int = Field(1000, ge=1, description="Most connections of a worker; the next one gets 503.")
    trusted_proxies: str = Field(
        "", description="Proxies, comma-separated, whose X-Forwarded-For and X-Forwarded-Proto are trusted."
    )
    root_path: str = Field(
        "",
        pattern="^(/[^/?#]+)*$",
        description="Path prefix that a proxy removes before it passes requests on, such as /names.",
    )
    drain_seconds: float = Field(
        20, ge=0, description="Time to finish the answers in progress when the service shuts down."
    )
    health_seconds: float = Field(60, ge=1, description="A worker that is silent for this long is replaced.")

    keys: str = Field("", description="API keys, comma-separated, each NAME:SHA256 or NAME:SHA256:QUOTA.")
    keys_file: Path | None = Field(None, description="File with API keys, one a line; reloaded when it changes.")
    guesses_per_minute: int = Field(
        20, ge=1, description="Wrong keys that an address may try in a minute; more get 429."
    )
    quota: str = Field("", description="Names for each key or address in a period, such as 10000/minute; more get 429.")
    quota_storage: str = Field(
        "", description="Where quotas are counted, such as redis://...; if empty, in this service."
    )
    quota_failure: Literal["open", "closed"] = Field(
        "open", description="While quotas cannot be counted, `open` lets everybody in and `closed` answers with 503."
    )
    max_work_ms: int = Field(
        100,
        ge=1,
        description="Most work that a worker does at a time, in milliseconds; more requests wait for their turn.",
    )
    queue_seconds: float = Field(
        1, gt=0, le=60, description="Longest time that a request waits for its turn; then 503."
    )
    max_streams: int = Field(
        64, ge=1, description="Most answers that a worker streams at a time; the next one gets 503."
    )
    max_bodies_mb: int = Field(
        32, ge=1, description="Most memory for all request bodies that a worker holds at a time; more get 503."
    )
    cors_origins: str = Field(
        "", description="Origins, comma-separated, whose pages may call the service; `*` for all."
    )
    log_format: Literal["auto", "json", "console"] = Field("auto", description="Format of the logs.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is logged."
    )
    otlp_endpoint: str = Field("", description="OpenTelemetry collector that receives a trace of each request.")

    @property
    def has_keys(self) -> bool:
        """Only who has a key may ask."""
        return bool(self.keys) or self.keys_file is not None

    @field_validator("keys")
    @classmethod
    def _keys_can_be_read(cls, keys: str) -> str:
        read_keys(keys)
        return keys

    @field_validator("keys_file")
    @classmethod
    def _key_file_can_be_read(cls, path: Path | None) -> Path | None:
        if path is not None and not read_key_file(path):
            raise ValueError(f"{path} holds no key; `python -m service key NAME` makes one")
        return path

    @field_validator("quota")
    @classmethod
    def _quota_can_be_read(cls, quota: str) -> str:
        if quota:
            read_quota(quota)
        return quota

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: str) -> str:
        for proxy in filter(None, map(str.strip, proxies.split(","))):
            ip_network(proxy)
        return proxies

    @field_validator("block_list")
    @classmethod
    def _block_list_can_be_read(cls, choice: str) -> str:
        read_block_list(choice)
        return choice
