"""Settings come from the environment by the names the specification fixes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from shodhana.runtime.settings import RuntimeSettings


def test_defaults_are_those_of_the_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RuntimeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = RuntimeSettings()
    pool = (settings.pool_min, settings.pool_max, settings.pool_connect_timeout_s)
    assert pool == (5, 20, 30)
    assert (settings.pool_idle_s, settings.pool_lifetime_s) == (300, 3600)
    assert (settings.query_timeout_s, settings.statement_cache_size) == (30, 100)
    assert (settings.min_academic_score, settings.iast_compliance_threshold) == (0.85, 0.90)
    assert settings.similarity_threshold == 0.85
    assert settings.enable_epic_3 is True


def test_secrets_and_addresses_have_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RuntimeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = RuntimeSettings()
    without = (
        "service_account_secret",
        "database_url",
        "redis_url",
        "celery_broker_url",
        "otel_exporter_otlp_endpoint",
    )
    assert [getattr(settings, name) for name in without] == [None] * 5
    assert settings.reflection_enabled is False


def test_the_environment_names_them_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://one",
        "DATABASE_REPLICA_URL": "postgresql://two",
        "REDIS_URL": "redis://three",
        "CELERY_BROKER_URL": "redis://four",
        "MIN_ACADEMIC_SCORE": "0.7",
        "IAST_COMPLIANCE_THRESHOLD": "0.8",
        "ENABLE_EPIC_3": "false",
        "SIMILARITY_ADDRESSES": "127.0.0.1:1, 127.0.0.1:2",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = RuntimeSettings()
    assert (settings.database_url, settings.database_replica_url) == ("postgresql://one", "postgresql://two")
    assert (settings.redis_url, settings.celery_broker_url) == ("redis://three", "redis://four")
    assert (settings.min_academic_score, settings.iast_compliance_threshold) == (0.7, 0.8)
    assert settings.enable_epic_3 is False
    assert settings.addresses_of("similarity") == ("127.0.0.1:1", "127.0.0.1:2")


def test_settings_do_not_change_once_read() -> None:
    settings = RuntimeSettings()
    with pytest.raises(ValidationError):
        settings.log_level = "DEBUG"
