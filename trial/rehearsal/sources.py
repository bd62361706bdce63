"""Which protocol is rehearsed or drilled."""

from django.conf import settings
from django.db import connection

from trial.core.errors import DomainError
from trial.protocol.models import ProtocolVersion
from trial.protocol.reading import Sources, read_sources
from trial.protocol.selectors import sources_of


class NoProtocol(DomainError):
    """Nothing of that name is loaded or lies in `protocols/`."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"No protocol {slug} is loaded, and there is no file protocols/{slug}.toml.")


def sources_for(slug: str) -> Sources:
    """The protocol in force, else the latest one loaded, else the file of that name. Raises NoProtocol."""
    if ProtocolVersion._meta.db_table in connection.introspection.table_names():
        versions = ProtocolVersion.objects.filter(trial__slug=slug)
        version = versions.order_by("activations__at", "loaded_at").last()
        if version:
            return sources_of(version)
    file = settings.BASE_DIR / "protocols" / f"{slug}.toml"
    if not file.exists():
        raise NoProtocol(slug)
    return read_sources(file)
