# syntax=docker/dockerfile:1
# One image for all services of docker-compose.yml, because they share code and most libraries.

FROM python:3.13.11-slim-bookworm AS libraries
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Files that locks and package metadata need; a change of code keeps this layer. Each package needs
# a file to be found later.
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
RUN mkdir rossmann_ml assets app \
    && touch rossmann_ml/__init__.py assets/__init__.py app/__init__.py
RUN --mount=type=cache,target=/var/cache/packages \
    export UV_CACHE_DIR=/var/cache/packages/uv PIP_CACHE_DIR=/var/cache/packages/pip \
    && UV_LINK_MODE=copy requirements/install.sh server \
    && .venv/bin/python -m compileall -q .venv/lib \
    && rm -rf .venv/bin/uv .venv/bin/uvx

FROM python:3.13.11-slim-bookworm
ARG ROSSMANN_UID=1000
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid "$ROSSMANN_UID" --no-create-home --shell /usr/sbin/nologin rossmann
WORKDIR /app
COPY --from=libraries /app/.venv .venv
COPY . .
# Written files are in separate folders; a new volume takes over the folder with its owner.
RUN python -m compileall -q rossmann_ml assets app \
    && mkdir -p /var/lib/rossmann/warehouse /var/lib/rossmann/artifacts \
        /var/lib/rossmann/state/reports /var/lib/rossmann/state/requests data/incoming \
    && chown -R rossmann: /var/lib/rossmann data
ENV PATH=/app/.venv/bin:$PATH \
    ROSSMANN_WAREHOUSE_DIR=/var/lib/rossmann/warehouse \
    ROSSMANN_STATE_DIR=/var/lib/rossmann/state \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib
USER $ROSSMANN_UID
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-S", "deploy/healthy.py", "http://127.0.0.1:8000/health"]
CMD ["rossmann", "api", "--host", "0.0.0.0"]
