"""Host names under which the dashboard and Dagster's UI may be addressed."""

from __future__ import annotations

import pytest

from rossmann_ml.base.errors import SettingsError
from rossmann_ml.base.host_names import host_names
from rossmann_ml.base.settings import load_settings

LOCAL = ["localhost", "127.0.0.1", "::1"]


def test_a_server_answers_to_this_machine_its_own_address_and_the_names_that_are_set() -> None:
    added = load_settings(allowed_hosts="Forecasts.example.org, 10.0.0.7")
    assert host_names(load_settings(), "127.0.0.1") == LOCAL
    assert host_names(load_settings(), "0.0.0.0") == LOCAL
    assert host_names(load_settings(), "10.0.0.5") == [*LOCAL, "10.0.0.5"]
    assert host_names(added, "0.0.0.0") == [*LOCAL, "forecasts.example.org", "10.0.0.7"]


@pytest.mark.parametrize("name", ["*", "*.example.org", "http://a.example", "a.example:80"])
def test_what_is_no_host_name_is_refused_with_the_name(name: str) -> None:
    settings = load_settings(allowed_hosts=f"a.example,{name}")
    with pytest.raises(SettingsError, match=r"ROSSMANN_ALLOWED_HOSTS: found .* expected a host"):
        host_names(settings, "127.0.0.1")
