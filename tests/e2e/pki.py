"""A certificate authority of a few files, made with the openssl program for one test run.

ca.crt is the trust anchor; mx.crt/mx.key is what weir shows near senders, next.crt/next.key what
the next hop shows weir, near.crt/near.key what the near Postfix shows who injects. All are ECDSA
P-256. The next hop's certificate names every identity that a verifying client may reasonably look
for: its host name, the recipient domains and its addresses.
"""
import os

from network import NEAR, NEXT, NEXT6, WEIR, WEIR6, sh

NAMES = {
    "mx": f"DNS:mx.weir.test,IP:{WEIR},IP:{WEIR6}",
    "next": "DNS:next.test,DNS:example.test,DNS:bank.test,DNS:*.sub.test,"
            f"IP:{NEXT},IP:{NEXT6}",
    "near": f"DNS:near.test,IP:{NEAR}",
}


def make(directory):
    """Writes the files named above into DIRECTORY."""
    ca = os.path.join(directory, "ca")
    key(ca)
    sh("openssl", "req", "-x509", "-new", "-key", ca + ".key", "-subj", "/CN=weir test authority",
       "-days", "30", "-out", ca + ".crt", "-addext", "basicConstraints=critical,CA:TRUE",
       "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name, alternatives in NAMES.items():
        issue(ca, os.path.join(directory, name), name, alternatives)


def key(path):
    sh("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
       path + ".key")
    os.chmod(path + ".key", 0o600)


def issue(ca, path, name, alternatives):
    key(path)
    sh("openssl", "req", "-x509", "-new", "-key", path + ".key", "-subj", f"/CN={name}.test",
       "-days", "30", "-CA", ca + ".crt", "-CAkey", ca + ".key", "-out", path + ".crt",
       "-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=CA:FALSE",
       "-addext", "keyUsage=digitalSignature")
