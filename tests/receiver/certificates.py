"""Certificates as an operator makes them, with openssl; strict enough for Python 3.13."""

import subprocess
from pathlib import Path

from waiting import PATIENCE_SECONDS


class Authority:
    """A certificate authority in a folder, and what it has signed."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        uses = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        signed = ("-out", self.file, "-days", "2")
        self.openssl("req", "-x509", *self._new(self._key, name), *uses, *signed)

    def issue(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost") -> tuple[str, str]:
        """Return the files of a certificate for this machine's names and of its key."""
        pem, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request, extensions = self._folder / f"{name}.csr", self._folder / "names"
        extensions.write_text(
            f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        self.openssl("req", *self._new(key, name), "-out", request)
        signed = ("-in", request, "-out", pem, "-extfile", extensions, "-days", "2")
        self.openssl("x509", "-req", "-CA", self.file, "-CAkey", self._key, *signed)
        return str(pem), str(key)

    def _new(self, key: Path, name: str) -> tuple[object, ...]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        return (*curve, "-nodes", "-keyout", key, "-subj", f"/CN={name}")

    def openssl(self, *words: object) -> None:
        """Run a command of openssl."""
        subprocess.run(
            ["/usr/bin/env", "openssl", *map(str, words)],
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
