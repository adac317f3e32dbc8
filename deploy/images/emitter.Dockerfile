# dbt with its adapters for Athena and Redshift, and `headwater-dbt` in dbt's place. From the root of the tree:
#   docker build -f deploy/images/emitter.Dockerfile -t headwater-emitter:0.1.0 .
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
RUN uv sync --frozen --no-default-groups --group emitter-image --extra dbt --no-install-project
COPY README.md LICENSE ./
COPY emitter ./emitter
COPY consumer ./consumer
COPY schemas ./schemas
RUN uv sync --frozen --no-default-groups --group emitter-image --extra dbt --no-editable

FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headwater-emitter" \
      org.opencontainers.image.description="dbt on Athena and Redshift, which tells its lineage to Kafka." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The spool is the one thing that has to outlive the container: mount a volume there.
RUN groupadd --gid 10001 headwater && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /dbt --shell /usr/sbin/nologin headwater && \
    install --directory --owner=10001 --group=10001 /dbt /var/spool/headwater
COPY --from=build /opt/headwater /opt/headwater
ENV PATH=/opt/headwater/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/dbt \
    DO_NOT_TRACK=1 \
    HEADWATER_SPOOL_DIR=/var/spool/headwater
USER 10001:10001
# The dbt project, mounted or copied by an image that is built on this one.
WORKDIR /dbt
VOLUME ["/var/spool/headwater"]
STOPSIGNAL SIGTERM
# A run of dbt ends by itself; there is nobody to ask.
HEALTHCHECK NONE
ENTRYPOINT ["headwater-dbt"]
CMD ["build"]
