"""The services of ``docker-compose.yml`` as plain processes: their commands, variables and checks.

What a container engine would do is done in small: names of services become this machine's
address, ports become free ones, ``/app`` a copy of the product that nobody may write to, volumes
folders in it, and who is root here has no capabilities (``cap_drop: [ALL]``). The order is that of
``depends_on``, with health checks asked as the file has them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from rossmann_ml.base.settings import PROJECT_DIR
from support.servers import free_port

COMPOSE_FILE = PROJECT_DIR / "docker-compose.yml"
PORTS = (3000, 4000, 5000, 5432, 8000, 8501)
# what .dockerignore lets into the image, and a service needs
_IMAGE_PARTS = (
    *("app", "assets", "dbt_project", "deploy", "rossmann_ml"),
    *("warehouse/ddl", "warehouse/migrations"),
    *("dagster.yaml", "params.yaml", "workspace.yaml", "pyproject.toml"),
)
_WRITTEN = "/var/lib/rossmann"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_PATIENCE_SECONDS = 1500  # a first refresh takes a minute, or many on a busy machine


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Fill in ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?complaint}`` as Compose does."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if kind == "?":
            raise ValueError(f"{name}: {rest}")
        return rest or ""

    return _VARIABLE.sub(value, text)


def services(variables: Mapping[str, str]) -> dict[str, Any]:
    """The services that start without a profile, with variables filled in."""
    document = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return {
        name: _filled_in(service, variables)
        for name, service in document["services"].items()
        if "profiles" not in service
    }


def _filled_in(part: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(part, str):
        return interpolate(part, variables)
    if isinstance(part, list):
        return [_filled_in(each, variables) for each in part]
    if isinstance(part, dict):
        return {key: _filled_in(each, variables) for key, each in part.items()}
    return part


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    text = (PROJECT_DIR / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return dict(
        pair.partition("=")[::2]
        for line in re.findall(r"^ENV (.*)$", text, flags=re.MULTILINE)
        for pair in line.split()
    )


def postgres_program(name: str) -> str | None:
    """Where a program of PostgreSQL is, the newest of Debian's; None if there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: each.parent.name)
    found = [str(folder / name) for folder in folders if (folder / name).exists()]
    return found[-1] if found else shutil.which(name)


class Stack:
    """The services of a place, started one by one.

    Attributes:
        app: What is ``/app`` in a container.
        ports: Free ports by those of the compose file.
    """

    def __init__(self, place: Path, *, variables: Mapping[str, str]) -> None:
        self.place = place
        self.app = place / "app"
        self.ports = {port: free_port() for port in PORTS}
        self.services = services(variables)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment: dict[str, str] = {}
        self._make_image()
        self._make_volumes()

    def _make_image(self) -> None:
        for part in _IMAGE_PARTS:
            source, target = PROJECT_DIR / part, self.app / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "target", "logs")
                shutil.copytree(source, target, ignore=ignore)
            else:
                shutil.copy(source, target)

    def _make_volumes(self) -> None:
        for service in self.services.values():
            for volume in service.get("volumes", ()):
                target = Path(volume.split(":")[1])
                if target.is_relative_to(_WRITTEN):
                    below = target.relative_to(_WRITTEN)
                    (self.place / "volumes" / below).mkdir(parents=True, exist_ok=True)
        (self.place / "volumes" / "data").mkdir(parents=True, exist_ok=True)
        (self.app / "data").symlink_to(self.place / "volumes" / "data")

    def make_read_only(self) -> None:
        """Give the code to somebody else, as in the image.

        Root loses the right to write to it with its capabilities. Who is not root keeps it.
        """
        if os.getuid() == 0:
            for path in (self.app, *self.app.rglob("*")):
                if not path.is_symlink():
                    shutil.chown(path, "nobody")

    def here(self, text: str) -> str:
        """Return a value of the compose file with the folders of this machine."""
        text = text.replace(_WRITTEN, str(self.place / "volumes"))
        text = re.sub(r"(?<![\w.-])/app\b", str(self.app), text)
        names = "|".join(map(re.escape, self.services))
        text = re.sub(rf"(?<=[/@])(?:{names})(?=:\d)", "127.0.0.1", text)
        text = text.replace("0.0.0.0", "127.0.0.1")
        return re.sub(
            r"(?<![\d.])(\d{4})(?!\d)",
            lambda found: str(self.ports.get(int(found[1]), int(found[1]))),
            text,
        )

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service, and those that the image sets."""
        own = self.services[name].get("environment", {})
        return {
            **{key: self.here(value) for key, value in image_environment().items()},
            # the image's own interpreter and place are this environment's
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(self.app),
            "ROSSMANN_HOME": str(self.app),
            **{
                key: "127.0.0.1" if value in self.services else self.here(str(value))
                for key, value in own.items()
                if value is not None  # would be taken from the environment of Compose
            },
            **self._environment,
        }

    def start(self, name: str, **environment: str) -> None:
        """Start a service when what it depends on has come so far.

        Args:
            name: The service.
            **environment: Variables in addition to those of the file.
        """
        for other, how in self.services[name].get("depends_on", {}).items():
            if other in self.services or how.get("required", True):
                self._wait(other, how["condition"])
        command = [self.here(part) for part in self.services[name]["command"]]
        with self.log(name).open("wb") as output:
            self._processes[name] = subprocess.Popen(
                [*_without_capabilities(), *command],
                cwd=self.app,
                env={**self.environment(name), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        """The file with what a service said."""
        return self.place / f"{name}.log"

    def _wait(self, name: str, condition: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            process = self._processes.get(name)
            code = process.poll() if process else None
            if condition == "service_completed_successfully":
                if code is not None:
                    assert code == 0, self.log(name).read_text()
                    return
            else:
                assert code is None, f"{name} ended with {code}: {self.log(name).read_text()}"
                if self.is_healthy(name):
                    return
            time.sleep(1)
        raise AssertionError(f"{name} is not {condition}: {self.log(name).read_text()[-5000:]}")

    def wait_until_healthy(self, name: str) -> None:
        """Ask a service's health check until it passes."""
        self._wait(name, "service_healthy")

    def wait_until_done(self, name: str) -> None:
        """Wait for a service that does one thing."""
        self._wait(name, "service_completed_successfully")

    def is_healthy(self, name: str) -> bool:
        """Run the very health check of a service once."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.run(*(self.here(part) for part in command), of=name).returncode == 0

    def run(self, *command: str, of: str = "api") -> subprocess.CompletedProcess[bytes]:
        """Run a command as in the container of a service."""
        return subprocess.run(
            [*_without_capabilities(), *command],
            cwd=self.app,
            env=self.environment(of),
            capture_output=True,
            timeout=300,
            check=False,
        )

    def stop(self) -> None:
        """End everything that was started, the last first."""
        for process in reversed(self._processes.values()):
            for number in (signal.SIGTERM, signal.SIGKILL):
                if _signal(process, number) and _is_gone(process, seconds=20):
                    break

    @contextmanager
    def postgres(self) -> Iterator[None]:
        """Debian's PostgreSQL in place of the image, set up as the image does."""
        own = self.services["postgres"]["environment"]
        data = self.place / "postgres"
        data.mkdir()
        as_owner: list[str] = []
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(data, "postgres")
            as_owner = ["runuser", "-u", "postgres", "--"]
        password = self.place / "password"
        password.write_text(own["POSTGRES_PASSWORD"])
        password.chmod(0o644)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [*as_owner, str(postgres_program(program)), *arguments],
                cwd=data,
                check=True,
                capture_output=True,
                text=True,
            )

        run(
            *("initdb", "--pgdata", str(data / "db"), "--auth=scram-sha-256", "--no-sync"),
            *("--username", own["POSTGRES_USER"], "--pwfile", str(password)),
        )
        options = (
            f"-p {self.ports[5432]} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off "
            "-c max_connections=100"  # as in the image
        )
        log = str(data / "log")
        run("pg_ctl", "start", "--wait", "-D", str(data / "db"), "-l", log, "-o", options)
        try:
            self._environment = {
                "PGPORT": str(self.ports[5432]),
                "PGPASSWORD": own["POSTGRES_PASSWORD"],
            }
            subprocess.run(
                [
                    *(str(postgres_program("psql")), "--host=127.0.0.1", "--quiet"),
                    *(f"--username={own['POSTGRES_USER']}", "--dbname=postgres"),
                    f"--file={self.app / 'deploy' / 'create-databases.sql'}",
                ],
                env=self.environment("postgres"),
                check=True,
            )
            yield
        finally:
            run("pg_ctl", "stop", "--wait", "-D", str(data / "db"), "-m", "immediate")


def _without_capabilities() -> list[str]:
    if os.getuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        process.wait()
    return True


def _is_gone(process: subprocess.Popen[bytes], *, seconds: float) -> bool:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def running_stack(place: Path, *, variables: Mapping[str, str]) -> Iterator[Stack]:
    """A stack with its PostgreSQL; all of it ends with the block."""
    with ExitStack() as stack:
        made = Stack(place, variables=variables)
        made.make_read_only()
        stack.enter_context(made.postgres())
        stack.callback(made.stop)
        yield made
