"""``rossmann up`` starts the right servers, and checks ports before it starts any."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from mlflow.server.security_utils import is_allowed_host_header
from support.servers import ROSSMANN, environment, free_port
from support.small_warehouse import small_settings

from rossmann_ml.base.errors import BusyError
from rossmann_ml.cli.up import services_of

PORTS = {"api": 8000, "dashboard": 8501, "mlflow": 5000, "dagster": 3000}


def test_four_services_are_started_with_the_places_of_this_product(tmp_path: Path) -> None:
    started = services_of(small_settings(tmp_path), "0.0.0.0", PORTS, PORTS)
    services = {each.name: each for each in started}
    assert list(services) == ["api", "dashboard", "mlflow", "dagster", "daemon"]
    for name in ("dagster", "daemon"):  # links in Dagster lead to the MLflow next to it
        assert services[name].environment == {"ROSSMANN_MLFLOW_URL": "http://127.0.0.1:5000"}
    assert services.pop("daemon").health == ""
    for name, service in services.items():
        command = list(service.command)
        assert command[command.index("--host") + 1] == "0.0.0.0"
        assert command[command.index("--port") + 1] == str(PORTS[name])
        # a server that listens on every network is reached at this machine's address
        assert service.health.startswith(f"http://127.0.0.1:{PORTS[name]}/")
    store = f"sqlite:///{tmp_path / 'state' / 'mlflow' / 'mlflow.db'}"
    assert store in services["mlflow"].command
    assert (tmp_path / "state" / "mlflow").is_dir()


def test_an_mlflow_server_that_is_there_is_used_and_none_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    services = services_of(small_settings(tmp_path), "127.0.0.1", PORTS, PORTS)
    assert [each.name for each in services] == ["api", "dashboard", "dagster", "daemon"]


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:5000", True),
        ("localhost", True),
        ("[::1]:5000", True),
        ("forecasts.example.org:8443", True),
        ("10.example.org:5000", False),
        ("192.168.example.org", False),
        ("127.0.0.1.example.org:5000", False),
    ],
)
def test_mlflow_knows_the_host_names_of_dagster_and_no_name_that_resembles_a_private_address(
    tmp_path: Path, host: str, *, is_known: bool
) -> None:
    settings = small_settings(tmp_path, allowed_hosts="forecasts.example.org")
    (mlflow,) = services_of(settings, "127.0.0.1", PORTS, ["mlflow"])
    allowed = mlflow.environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert is_allowed_host_header(allowed, host) is is_known


def test_only_the_named_services_are_started(tmp_path: Path) -> None:
    services = services_of(small_settings(tmp_path), "127.0.0.1", PORTS, ["dagster"])
    assert [each.name for each in services] == ["dagster", "daemon"]


def test_a_port_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        result = subprocess.run(
            [ROSSMANN, "up", "--api-port", str(free_port()), "--dagster-port", str(taken)],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == BusyError.exit_code
    assert f"cannot listen on port {taken} of 127.0.0.1: Address already in use" in result.stderr
    assert "--dagster-port" in result.stderr
    assert "│" not in result.stdout
