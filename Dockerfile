# The base image, by digest (see docs/supply-chain.md); any Debian-based Python 3.11 or later will do.
ARG PYTHON_IMAGE=python:3.11.16-slim-bookworm@sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84

FROM ${PYTHON_IMAGE} AS dependencies
# An extra package index for PyTorch, such as its CPU-only one (see docs/dependencies.md).
ARG TORCH_INDEX=
# `ray` for the nodes of a cluster (see docs/cluster.md); an image without it is smaller by half a gigabyte.
ARG EXTRAS=
COPY requirements/run.txt requirements/torch.txt requirements/ray.txt /tmp/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: -r /tmp/run.txt \
 && /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} -r /tmp/torch.txt \
 && if [ -n "${EXTRAS}" ]; then /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: -r "/tmp/${EXTRAS}.txt"; fi

FROM ${PYTHON_IMAGE}
# The volume for own models is mounted here; a new volume takes this owner. Group 0 may write too: some platforms
# start containers with a user of their own choice, which is in that group.
RUN mkdir -p /var/lib/namesmith && chown 10001:0 /var/lib/namesmith && chmod g=u /var/lib/namesmith
COPY --from=dependencies /opt/venv /opt/venv
WORKDIR /app
COPY store store
COPY model model
COPY training training
COPY service service
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NAMESMITH_STORE=/var/lib/namesmith/store \
    NAMESMITH_SNAPSHOTS=/var/lib/namesmith/runs
RUN python -m compileall -q model training service && python -m model.warming
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-m", "service.server.probe"]
ENTRYPOINT ["python", "-m"]
CMD ["service", "serve", "--host", "0.0.0.0"]
