"""Define ``rossmann up``: API, dashboard, MLflow and Dagster on one machine, with one log."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from glob import escape
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from rossmann_ml.base.host_names import host_names
from rossmann_ml.base.settings import Settings, default_settings
from rossmann_ml.base.terminal.console import Console
from rossmann_ml.cli.serve import Host, check_can_listen
from rossmann_ml.pipeline.services import Service, run_together

_STYLES = ("cyan", "green", "magenta", "yellow", "blue")

ApiPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the API.")]
DashboardPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")]
MlflowPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the MLflow UI.")]
DagsterPort = Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")]


Only = Annotated[
    list[str] | None,
    typer.Argument(metavar="[api|dashboard|mlflow|dagster]...", help="Services; default: all."),
]


def up(
    *,
    only: Only = None,
    host: Host = "127.0.0.1",
    api_port: ApiPort = 8000,
    dashboard_port: DashboardPort = 8501,
    mlflow_port: MlflowPort = 5000,
    dagster_port: DagsterPort = 3000,
) -> None:
    """Start API, dashboard, MLflow and Dagster on this machine, or some; Ctrl-C stops them.

    Dagster is two processes, its UI and the daemon of its schedules. Prints the addresses when all
    services are healthy. If a service ends by itself, the command names it and stops the others.
    MLflow is not started if MLFLOW_TRACKING_URI names a server.
    """
    settings = default_settings()
    ports = {
        "api": api_port,
        "dashboard": dashboard_port,
        "mlflow": mlflow_port,
        "dagster": dagster_port,
    }
    for name in only or ():
        if name not in ports:
            raise typer.BadParameter(f"found {name}, expected one of {', '.join(ports)}")
    services = services_of(settings, host, ports, only or list(ports))
    if not services:
        raise typer.BadParameter("MLFLOW_TRACKING_URI names a server, so none is started")
    for service in services:
        if service.name in ports:
            check_can_listen(host, ports[service.name], f"--{service.name}-port")
    console = Console(soft_wrap=True)
    styles = {service.name: style for service, style in zip(services, _STYLES, strict=False)}
    width = max(len(service.name) for service in services)

    def print_line(name: str, line: str) -> None:
        console.print(Text(f"{name:<{width}} │ ", styles[name]) + Text.from_ansi(line))

    def print_addresses() -> None:
        console.print("\n[bold]all services are healthy; Ctrl-C stops them[/]")
        for service in services:
            if service.address:
                console.print(f"  {service.name:<{width}}  {service.address}")
        if settings.mlflow_tracking_uri.startswith("http"):
            console.print(f"  {'mlflow':<{width}}  {settings.mlflow_tracking_uri}")
        console.print()

    console.print(f"starting {', '.join(service.name for service in services)}")
    run_together(services, print_line, when_healthy=print_addresses)
    console.print("stopped")


def services_of(
    settings: Settings, host: str, ports: dict[str, int], only: Collection[str]
) -> list[Service]:
    """Return the services that ``rossmann up`` starts, with their commands and addresses.

    MLflow is one of them unless the settings name a running MLflow server.

    Args:
        settings: Settings with the address of MLflow's database or server.
        host: Address that all services listen on.
        ports: Ports by service: ``api``, ``dashboard``, ``mlflow``, ``dagster``.
        only: Names of the services to start.
    """
    # a server that listens on every network is reached by the address of this machine
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - compared only

    def service(name: str, health: str, *command: str, **environment: str) -> Service:
        where = ["--host", host, "--port", str(ports[name])]
        address = f"http://{shown}:{ports[name]}"
        return Service(name, [*command, *where], address, f"{address}/{health}", environment)

    rossmann = str(Path(sys.executable).with_name("rossmann"))
    # -P: modules in the working directory must not hide those of the product
    python = (sys.executable, "-P", "-m")
    mlflow = []
    if "mlflow" in only and not settings.mlflow_tracking_uri.startswith("http"):
        store = settings.tracking_uri
        if store.startswith("sqlite:///"):
            Path(store.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        command = (*python, "mlflow", "server", "--workers", "1", "--backend-store-uri", store)
        environment = {
            # the job queue would start eight processes that nothing uses
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_SERVER_ALLOWED_HOSTS": os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS")
            or _mlflow_hosts(settings, host),
        }
        mlflow = [service("mlflow", "health", *command, **environment)]
    dagster = (*python, "assets.ui", "--part")
    # links in Dagster's UI lead to the MLflow that is started with it
    links = {} if not mlflow or settings.mlflow_ui else {"ROSSMANN_MLFLOW_URL": mlflow[0].address}
    started = [
        service("api", "health", rossmann, "api"),
        service("dashboard", "_stcore/health", rossmann, "dashboard"),
        *mlflow,
        service("dagster", "server_info", *dagster, "webserver", **links),
    ]
    daemon = Service("daemon", [*dagster, "daemon"], environment=links)
    chosen = [each for each in started if each.name in only]
    return [*chosen, daemon] if "dagster" in only else chosen


def _mlflow_hosts(settings: Settings, host: str) -> str:
    """Return the known host names, without and with any port, in MLflow's notation.

    MLflow's own list has patterns such as ``10.*`` for private addresses, which also match names
    that anybody can register, such as ``10.example.org``.
    """
    names = [f"[{name}]" if ":" in name else name for name in host_names(settings, host)]
    return ",".join(f"{name},{escape(name)}:*" for name in names)
