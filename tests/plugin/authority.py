# SPDX-License-Identifier: Apache-2.0
"""A private CA for the tests of TLS, good certificates and bad ones; used by servers of tests."""

import subprocess
import time
from datetime import datetime

from servers import clock_ahead


class Authority:
    """A private CA in a folder, and the certificates that it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=shop CA",
                     "-days", "3650")
        self.ca = folder / "ca.crt"

    def openssl(self, *words, at=None):
        ahead = datetime.fromisoformat(at).timestamp() - time.time() if at else 0
        subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True,
                       capture_output=True, timeout=120, env=clock_ahead(self.folder, ahead))

    def certificate(self, names, self_signed=False, at=None):
        """(certificate, key): for ten days from `at` on."""
        (self.folder / "ext").write_text(f"subjectAltName={names}\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=database")
        signer = (["-signkey", "server.key"] if self_signed
                  else ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"])
        self.openssl("x509", "-req", "-in", "server.csr", "-out", "server.crt", "-days", "10",
                     "-extfile", "ext", *signer, at=at)
        return self.folder / "server.crt", self.folder / "server.key"
