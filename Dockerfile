# syntax=docker/dockerfile:1
# linkd in a container of its own: the daemon, not root, with its cache and its socket in volumes.
#
#   docker build --tag linkd .
#   docker run --rm --volume linkd-cache:/var/cache/linkd --volume linkd-run:/run/linkd linkd
#
# Hard links do not cross mounts: environments that are to be linked, not copied, must lie in the
# same volume as the cache. Where they lie on the host, run the daemon on the host (deploy/systemd).

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The versions that the tests run with. Without hashes, for pip would want one of each wheel built.
COPY requirements-dev.lock ./
RUN grep -Eo '^[A-Za-z0-9._-]+==[^ ;]+' requirements-dev.lock > constraints.txt \
 && pip install --quiet --constraint constraints.txt build hatchling
COPY LICENSE README.md pyproject.toml ./
COPY client ./client
COPY linkd ./linkd
RUN python -m build --no-isolation --wheel --outdir /wheels client \
 && python -m build --no-isolation --wheel --outdir /wheels . \
 && python -m venv /opt/linkd \
 && /opt/linkd/bin/pip install --quiet --constraint constraints.txt /wheels/*.whl

FROM python:${PYTHON}-slim
RUN groupadd --gid 1000 linkd \
 && useradd --uid 1000 --gid linkd --create-home --shell /usr/sbin/nologin linkd \
 && install --directory --owner linkd --group linkd --mode 0700 /var/cache/linkd /run/linkd
COPY --from=build /opt/linkd /opt/linkd
ENV PATH=/opt/linkd/bin:$PATH \
    LINKD_CACHE_DIR=/var/cache/linkd \
    LINKD_SOCKET=/run/linkd/linkd.sock
USER linkd
WORKDIR /home/linkd
VOLUME ["/var/cache/linkd", "/run/linkd"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["linkd-client", "status", "--no-autostart", "--quiet"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["linkd"]
CMD ["serve", "--idle-timeout", "0", "--log-json"]
