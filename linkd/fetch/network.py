"""The machine's way to the network: proxies from its environment, certificates from its store."""

import ssl
import urllib.request
from typing import Final
from urllib.parse import urlsplit

import linkd

USER_AGENT: Final = f"linkd/{linkd.__version__}"
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS: Final = 10


def tls_context() -> ssl.SSLContext:
    """Trusts the system's store, or what SSL_CERT_FILE and SSL_CERT_DIR name.

    Costs tens of milliseconds: make one for a client, not for a connection.
    """
    return ssl.create_default_context()


def proxy_for(url: str) -> str | None:
    """The proxy that ``http_proxy``, ``https_proxy``, ``all_proxy`` and ``no_proxy`` want."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
