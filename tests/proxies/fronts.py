"""Each way in over TLS: the broker itself, and the proxies of deploy/ as they
are shipped but for ports and files.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import paths
from processes import Child
from resume_stage import steady_port
from servers import clean_environment, make_certificate
from stage import Stage

BINARY = Path(os.environ.get("STATUS2_BINARY", "build/dev/status2")).resolve()
DEPLOY = paths.TESTS.parent / "deploy"
CERTIFICATE = "/etc/ssl/status.example/fullchain.pem"
KEY = "/etc/ssl/status.example/privkey.pem"

NGINX = """daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  include {own};
}}
"""

APACHE = """ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{plain}
Listen 127.0.0.1:{port}
ServerName localhost
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
Include {own}
"""

CADDY = """{{
  admin off
  auto_https disable_redirects
  storage file_system {folder}/caddy
}}
import {own}
"""


class Front:
    """Redis, a broker and a way in at `port`. Ends with its `with` block."""

    file = ""  # in deploy/; empty: no proxy
    log = ""  # file in which the shipped one logs requests; empty: none
    logs = True  # requests, somewhere
    redirects = True  # plain HTTP at `plain`

    def __init__(self, folder: Path, **variables: str) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.port, self.plain = steady_port(), steady_port()
        self.certificate, self.key = make_certificate(folder)
        self.requests = folder / "requests.log"
        self.stage = Stage(BINARY, folder, **(self.settings() | variables))
        self._ends = ExitStack()

    def settings(self) -> dict[str, str]:
        """Of the broker."""
        return {"STATUS_TRUSTED_PROXIES": "127.0.0.1"}

    def __enter__(self) -> Front:
        with ExitStack() as ends:
            ends.enter_context(self.stage)
            self.start(ends)
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()

    def start(self, ends: ExitStack) -> None:
        own = self.folder / "own.conf"
        own.write_text(self.configuration())
        environment = clean_environment() | {"HOME": str(self.folder)}
        proxy = Child("proxy", self.command(own), self.folder, environment)
        ends.callback(proxy.stop)
        proxy.wait_for_port(self.port)

    def command(self, own: Path) -> list[str]:
        raise NotImplementedError

    def changes(self) -> list[tuple[str, str]]:
        """What is not as it is shipped."""
        raise NotImplementedError

    def configuration(self) -> str:
        text = (DEPLOY / self.file).read_text()
        changes = [("127.0.0.1:9002", f"127.0.0.1:{self.stage.broker_port}")]
        if self.log:
            changes.append((self.log, str(self.requests)))
        for old, new in changes + self.changes():
            assert old in text, old
            text = text.replace(old, new)
        return text

    def main(self, template: str, own: Path, **more: str) -> str:
        """A file that includes `own`."""
        path = self.folder / "main.conf"
        path.write_text(
            template.format(
                folder=self.folder, own=own, port=self.port, plain=self.plain, **more
            )
        )
        return str(path)


class OwnTls(Front):
    """The broker speaks TLS itself; what the tests ask of it is at a port for
    operators.
    """

    redirects = False

    def settings(self) -> dict[str, str]:
        return {
            "STATUS_TLS_CERT_FILE": self.certificate,
            "STATUS_TLS_KEY_FILE": self.key,
        }

    def start(self, ends: ExitStack) -> None:
        self.port = self.stage.broker_port


class Nginx(Front):
    file = "nginx/status2.conf"
    log = "/var/log/nginx/status2.log"

    def changes(self) -> list[tuple[str, str]]:
        return [
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            (CERTIFICATE, self.certificate),
            (KEY, self.key),
        ]

    def command(self, own: Path) -> list[str]:
        main = self.main(NGINX, own)
        return ["/usr/sbin/nginx", "-p", str(self.folder), "-c", main]


class Haproxy(Front):
    file = "haproxy/status2.cfg"

    def changes(self) -> list[tuple[str, str]]:
        both = self.folder / "both.pem"
        texts = [Path(file).read_text() for file in (self.certificate, self.key)]
        both.write_text("".join(texts))
        return [
            ("bind :80", f"bind 127.0.0.1:{self.plain}"),
            ("bind :443", f"bind 127.0.0.1:{self.port}"),
            ("/etc/ssl/status.example.pem", str(both)),
        ]

    def command(self, own: Path) -> list[str]:
        return ["/usr/sbin/haproxy", "-db", "-f", str(own)]


class Apache(Front):
    file = "apache/status2.conf"
    log = "/var/log/apache2/status2.log"

    def changes(self) -> list[tuple[str, str]]:
        return [
            ("*:80>", f"127.0.0.1:{self.plain}>"),
            ("*:443>", f"127.0.0.1:{self.port}>"),
            (CERTIFICATE, self.certificate),
            (KEY, self.key),
        ]

    def command(self, own: Path) -> list[str]:
        main = self.main(APACHE, own, modules="/usr/lib/apache2/modules")
        return ["/usr/sbin/apache2", "-DFOREGROUND", "-f", main]


class Caddy(Front):
    file = "caddy/Caddyfile"
    logs = False
    redirects = False  # of its own, at port 80

    def changes(self) -> list[tuple[str, str]]:
        return [
            ("status.example {", f"https://127.0.0.1:{self.port} {{"),
            ("# tls ", "tls "),
            (CERTIFICATE, self.certificate),
            (KEY, self.key),
        ]

    def command(self, own: Path) -> list[str]:
        main = self.main(CADDY, own)
        return ["/usr/bin/caddy", "run", "--config", main, "--adapter", "caddyfile"]


FRONTS = (OwnTls, Nginx, Haproxy, Apache, Caddy)
