"""Settings, from the environment with the prefix NAMESMITH_ (see docs/settings.md)."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.store import BUNDLED, OWN
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
    table_budget_mb: int = Field(256, ge=1, description="Memory a model's table may take; a larger model has none.")
    context_cache_mb: int = Field(64, ge=1, description="Memory for contexts of a model without a table, each model.")
    plan_cache_mb: int = Field(128, ge=1, description="Memory for prepared samplers, all models together.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body; a larger one gets 413.")

    @field_validator("block_list")
    @classmethod
    def _block_list_can_be_read(cls, choice: str) -> str:
        read_block_list(choice)
        return choice
