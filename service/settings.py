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

    store: Path = Field(OWN, description="Directory of your own models; they come before bundled ones.")
    bundled_store: Path = Field(BUNDLED, description="Directory of the models that come with namesmith.")
    poll_seconds: float = Field(
        0.5, ge=0.05, le=3600, description="How often the stores are looked at for new versions, seconds."
    )
    default_model: str = Field(
        "us-names", description="Model that answers where a request names none; if absent, the first by name."
    )
    block_list: str = Field(
        "default", description="Words that no name may hold: `default`, `off`, or a text file, one word a line."
    )
    plan_cache_mb: int = Field(192, ge=1, description="Memory for prepared samplers, all models together.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body; a larger one gets 413.")
    max_header_bytes: int = Field(16_384, ge=1024, description="Largest request line with headers; else 431 or 414.")
    max_headers: int = Field(100, ge=10, description="Most headers of a request; more get 431.")
    header_seconds: float = Field(10, gt=0, description="Time for a request's headers; else 408.")
    body_seconds: float = Field(10, gt=0, description="Time for a request's body, after its headers; else 408.")
    stall_seconds: float = Field(20, gt=0, description="Time in which a client must read some of a long answer.")
    keep_alive_seconds: float = Field(5, gt=0, description="Time that a connection is kept between two requests.")
    max_connections: int = Field(1000, ge=1, description="Connections of a worker; one more gets 503.")
    trusted_proxies: str = Field(
        "", description="Proxies, comma-separated, whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    root_path: str = Field(
        "", pattern="^(/[^/?#]+)*$", description="Path in front of ours where a proxy takes it off, such as /names."
    )
    drain_seconds: float = Field(20, ge=0, description="Time for the answers that are due when the service ends.")
    health_seconds: float = Field(60, ge=1, description="A worker that is silent for this long is replaced.")

    keys: str = Field("", description="API keys, comma-separated, each NAME:SHA256 or NAME:SHA256:QUOTA.")
    keys_file: Path | None = Field(None, description="File with API keys, one a line; read again when it changes.")
    guesses_per_minute: int = Field(20, ge=1, description="Wrong keys of an address; more get 429.")
    quota: str = Field("", description="Names for each key or address in a time, such as 10000/minute; else 429.")
    quota_storage: str = Field("", description="Where quotas are counted, such as redis://...; else in this service.")
    quota_failure: Literal["open", "closed"] = Field(
        "open", description="What to do while quotas cannot be counted: let everybody in, or answer with 503."
    )
    max_work_ms: int = Field(100, ge=1, description="Work that a worker takes on at a time; more waits for its turn.")
    queue_seconds: float = Field(1, gt=0, le=60, description="Time that a request waits for its turn; else 503.")
    max_streams: int = Field(64, ge=1, description="Answers that a worker streams at a time; else 503.")
    max_bodies_mb: int = Field(32, ge=1, description="Bodies that a worker holds at a time, all together; else 503.")
    cors_origins: str = Field("", description="Origins, comma-separated, whose pages may ask; `*` for all.")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="How logs are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    otlp_endpoint: str = Field("", description="OpenTelemetry collector that gets a trace of each request.")

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
