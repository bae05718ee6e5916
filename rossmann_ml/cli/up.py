"""``rossmann up``: the API, the dashboard, MLflow and Dagster on one machine, with one log."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from rossmann_ml.base.settings import Settings, default_settings
from rossmann_ml.cli.serve import Host, check_can_listen
from rossmann_ml.pipeline.services import Service, run_together

_STYLES = ("cyan", "green", "magenta", "yellow")

ApiPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")]
DashboardPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")]
MlflowPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the MLflow UI.")]
DagsterPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")]


def up(
    host: Host = "127.0.0.1",
    api_port: ApiPort = 8000,
    dashboard_port: DashboardPort = 8501,
    mlflow_port: MlflowPort = 5000,
    dagster_port: DagsterPort = 3000,
) -> None:
    """Start everything on this machine: API, dashboard, MLflow and Dagster; Ctrl-C stops it.

    Prints the addresses when all of them answer. When one ends by itself, the others are stopped
    and it is named. Where MLFLOW_TRACKING_URI names a server, that one is used and none started.
    """
    settings = default_settings()
    ports = {
        "api": api_port,
        "dashboard": dashboard_port,
        "mlflow": mlflow_port,
        "dagster": dagster_port,
    }
    services = services_of(settings, host, ports)
    for service in services:
        check_can_listen(host, ports[service.name])
    console = Console(highlight=False, soft_wrap=True)
    styles = {service.name: style for service, style in zip(services, _STYLES, strict=False)}
    width = max(len(service.name) for service in services)
    lock = threading.Lock()  # lines of several services must not run into each other

    def say(name: str, line: str) -> None:
        with lock:
            console.print(Text(f"{name:<{width}} │ ", styles[name]) + Text.from_ansi(line))

    def tell_addresses() -> None:
        with lock:
            console.print("\n[bold]everything answers; Ctrl-C stops it[/]")
            for service in services:
                console.print(f"  {service.name:<{width}}  {service.address}")
            if settings.mlflow_tracking_uri.startswith("http"):
                console.print(f"  {'mlflow':<{width}}  {settings.mlflow_tracking_uri}")
            console.print()

    console.print(f"starting {', '.join(service.name for service in services)}")
    run_together(services, say, when_healthy=tell_addresses)
    console.print("stopped")


def services_of(settings: Settings, host: str, ports: dict[str, int]) -> list[Service]:
    """What is started, with how and where.

    Args:
        settings: Where MLflow's database is, or its server.
        host: Address that all of them listen on.
        ports: By name: ``api``, ``dashboard``, ``mlflow``, ``dagster``.
    """
    rossmann = str(Path(sys.executable).with_name("rossmann"))
    # -P: what lies in the folder one stands in is not taken for a part of the product
    python = [sys.executable, "-P", "-m"]
    where = {name: ["--host", host, "--port", str(port)] for name, port in ports.items()}
    commands = {
        "api": [rossmann, "api", *where["api"]],
        "dashboard": [rossmann, "dashboard", *where["dashboard"]],
        "mlflow": [
            *(*python, "mlflow", "server", *where["mlflow"], "--workers", "1"),
            *("--backend-store-uri", settings.tracking_uri),
        ],
        "dagster": [*python, "assets.ui", *where["dagster"]],
    }
    health = {
        "api": "/health", "dashboard": "/_stcore/health", "mlflow": "/health",
        "dagster": "/server_info",
    }  # fmt: skip
    # MLflow's own job queue starts eight processes, and nothing here uses it
    environment = {"mlflow": {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}}
    if settings.mlflow_tracking_uri.startswith("http"):
        del commands["mlflow"]
    elif settings.tracking_uri.startswith("sqlite:///"):
        Path(settings.tracking_uri.removeprefix("sqlite:///")).parent.mkdir(
            parents=True, exist_ok=True
        )
    # what listens on every network is reached here by the address of this machine
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared only
    return [
        Service(
            name=name,
            command=command,
            address=f"http://{shown}:{ports[name]}",
            health=f"http://{shown}:{ports[name]}{health[name]}",
            environment=environment.get(name, {}),
        )
        for name, command in commands.items()
    ]
