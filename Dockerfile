# One image for web, worker and beat; docker-compose.yml says which of them a container is.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev
COPY . .
RUN .venv/bin/python -m trial.config.translations

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 tilbake && mkdir -p /data && chown tilbake /data
WORKDIR /app
COPY --from=build --chown=root:root /app /app
ARG CODE_VERSION=
ENV CODE_VERSION=$CODE_VERSION PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 TILBAKE_ENV=production TILBAKE_VAR=/data
USER tilbake
VOLUME /data
EXPOSE 8000
# No access log: it would tie addresses of participants to what they do here, and hold whatever is typed into a search.
# Loaded before it forks: a wrong setting ends it with its sentence, and does not start worker after worker in vain.
CMD ["gunicorn", "trial.config.wsgi", "--preload", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "4"]
