"""How registries are reached, and logins. Credentials are those of Docker and Podman; passwords appear nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from shipset import _core
from shipset._core import CancelToken


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """``plain_http`` and ``insecure`` name hosts, with their port, that are reached by HTTP, or whose certificate is
    not checked; ``ca_file`` is a further bundle of certificates. Loopback may always be HTTP."""

    plain_http: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: str = ""

    def _core(self) -> _core.ClientOptions:
        return _core.ClientOptions(
            plain_http=set(self.plain_http), insecure_tls=set(self.insecure), ca_file=self.ca_file
        )


def core_options(options: RegistryOptions | None) -> _core.ClientOptions:
    """The options in the core's form; None is the default."""
    return (options or RegistryOptions())._core()


def login(
    host: str,
    *,
    username: str,
    password: str,
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> str:
    """Tries the login, then stores it where Docker and Podman look; returns where. A login that the registry refuses
    is not stored: AuthenticationError."""
    return _core.login(
        host,
        username=username,
        password=password,
        client=core_options(registry),
        cancel=cancel,
        timeout_s=timeout_s,
    )


def logout(host: str) -> str:
    """Removes the stored login of a host; returns from where, "" when there was none."""
    return _core.logout(host)


def ping(
    host: str,
    *,
    registry: RegistryOptions | None = None,
    cancel: CancelToken | None = None,
    timeout_s: float | None = None,
) -> None:
    """Proves that the registry answers and accepts the login that is stored for it."""
    _core.ping(host, client=core_options(registry), cancel=cancel, timeout_s=timeout_s)
