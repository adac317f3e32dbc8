# The services: `headwater consume`, `headwater serve`, and every other command of `headwater`. From the root of the tree:
#   docker build -f deploy/images/consumer.Dockerfile -t headwater-consumer:0.1.0 .
# tests/deploy/test_images.py runs these steps without an engine. scripts/pin-images sets the digests.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/headwater \
    UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy
WORKDIR /src
COPY deploy/images/uv.txt ./
RUN python3 -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt
# Dependencies first: a change of our own code leaves their layer.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --group consumer-image --extra serve --extra tracing --no-install-project
COPY README.md LICENSE ./
COPY emitter ./emitter
COPY consumer ./consumer
COPY schemas ./schemas
RUN uv sync --frozen --no-default-groups --group consumer-image --extra serve --extra tracing --no-editable

FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headwater-consumer" \
      org.opencontainers.image.description="Folds OpenLineage events from Kafka into a graph, or forwards them to DataZone." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 headwater && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin headwater
# Root's files, so that the service can't change its own code.
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    HEADWATER_HTTP__HOST=0.0.0.0 \
    HEADWATER_HTTP__PORT=8080 \
    HEADWATER_LOG__FORMAT=json
USER 10001:10001
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
# Only a loop that stands still is unhealthy: a restart does not mend a graph or a broker that is down.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['HEADWATER_HTTP__PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["headwater"]
CMD ["consume"]
