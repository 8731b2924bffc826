"""How registries are reached, and logins. Credentials are those of Docker and Podman; passwords appear nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shipset import _core
from shipset._core import CancelToken


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """``plain_http`` and ``insecure`` name hosts, with their port, that are reached by HTTP, or whose certificate is
    not checked; ``ca_file`` is a further bundle of certificates. Loopback may always be HTTP.

    ``mirrors`` gives for ``HOST[:PORT][/PATH]`` the places that are tried first when content is read, in order;
    ``client_certificates`` gives for a host the files of certificate and key (or of both in one). Without
    ``host_files``, registries.conf and the certs.d folders of this machine are not read. Proxies are those of the
    environment."""

    plain_http: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    ca_file: str = ""
    mirrors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    client_certificates: Mapping[str, str | tuple[str, str]] = field(default_factory=dict)
    host_files: bool = True

    def _core(self) -> _core.ClientOptions:
        return _core.ClientOptions(
            plain_http=set(self.plain_http),
            insecure_tls=set(self.insecure),
            ca_file=self.ca_file,
            mirrors={place: list(mirrors) for place, mirrors in self.mirrors.items()},
            client_certificates={
                host: (files, "") if isinstance(files, str) else (files[0], files[1])
                for host, files in self.client_certificates.items()
            },
            host_files=self.host_files,
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
