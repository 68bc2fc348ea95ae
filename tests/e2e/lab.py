"""The laboratory: network, certificates, two stock Postfix instances, and weir between them.

    with Lab() as lab:
        lab.start_postfix()
        lab.start_weir()
        ...

Everything is made on entry and removed on exit; files are in a temporary directory, lab.home. With
direct=True there is no weir, and the near Postfix is told to hand mail to the next one itself: this
is how the laboratory is checked without the program it is for.
"""
import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import pki
import weir_config
from network import NEXT, NEXT6, WEIR, Network, call_inside
from postfix import Postfix
from smtp_client import Client, trusting

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TREE, "build/engine/run/weir")
METRICS = "http://127.0.0.1:9425/metrics"
NEXT_PORT, NEXT_PORT_PLAIN, NEXT_PORT_WRONG, NEXT_PORT_IMPLICIT = 2525, 2526, 2527, 4650
START_SECONDS, STOP_SECONDS = 60, 60  # weir lets transactions end for at most 30 s
LOG_LINES = 30


class Lab:
    def __init__(self, direct=False):
        self.direct = direct
        self.stack = contextlib.ExitStack()
        self.home = None
        self.near = self.next = None
        self.weir = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            if not self.direct and not os.access(PROGRAM, os.X_OK):
                raise RuntimeError(f"{PROGRAM} is missing: build it first with ./dev build")
            self.home = tempfile.mkdtemp(prefix="weir-lab-")
            stack.callback(shutil.rmtree, self.home, ignore_errors=True)
            os.chmod(self.home, 0o755)
            self.network = stack.enter_context(Network())
            pki.make(self.home)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.logs_show()
        self.stop_weir()
        self.stack.close()

    # The address and ports that senders in `near` talk to.
    @property
    def server(self):
        return (NEXT, NEXT_PORT) if self.direct else (WEIR, 25)

    @property
    def server_implicit(self):
        return (NEXT, NEXT_PORT_IMPLICIT) if self.direct else (WEIR, 465)

    @property
    def server_name(self):
        return "next.test" if self.direct else "mx.weir.test"

    def start_postfix(self, near=True, also=()):
        """The next hop insists on TLS at 2525, does not have it at 2526, and shows another's
        certificate at 2527. ALSO: more addresses of its own, for port 2525."""
        self.next = self.stack.enter_context(Postfix(
            "next", self.home,
            ["example.test", "a.sub.test", "bank.test", "six.test", "plain.test", "strict.test",
             "wrong.test"],
            {f"{NEXT}:{NEXT_PORT}": ["smtpd_tls_security_level=encrypt"],
             f"[{NEXT6}]:{NEXT_PORT}": ["smtpd_tls_security_level=encrypt"],
             f"{NEXT}:{NEXT_PORT_PLAIN}": ["smtpd_tls_security_level=none"],
             f"{NEXT}:{NEXT_PORT_WRONG}": [
                 f"smtpd_tls_chain_files={self.home}/near.key,{self.home}/near.crt"],
             f"{NEXT}:{NEXT_PORT_IMPLICIT}": ["smtpd_tls_wrappermode=yes"],
             **{f"{address}:{NEXT_PORT}": [] for address in also}}))
        if near:
            # Bounces come back into near's own mailbox, where the test counts them.
            self.near = self.stack.enter_context(Postfix(
                "near", self.home, ["near.test"], {"127.0.0.1:25": []},
                settings=f"relayhost = [{self.server[0]}]:{self.server[1]}\n"))

    def start_weir(self, settings=None, smtp=True):
        """Starts weir and waits until its metrics endpoint and (if asked) its SMTP port answer."""
        if self.direct:
            return
        config = os.path.join(self.home, "weir.conf")
        weir_config.write(config, settings or weir_config.settings())
        with open(os.path.join(self.home, "weir.out"), "ab") as output:
            self.weir = subprocess.Popen([PROGRAM, "-c", config], cwd=self.home, stdout=output,
                                         stderr=output, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not self.weir_answers(smtp):
            if self.weir.poll() is not None:
                raise RuntimeError(f"weir ended at once, exit status {self.weir.returncode}:\n"
                                   + self.tail("weir.out"))
            if time.monotonic() > end:
                raise RuntimeError(f"weir does not answer after {START_SECONDS} s")
            time.sleep(0.1)

    def weir_answers(self, smtp):
        try:
            self.metrics_text()
            if smtp:
                call_inside("near", lambda: Client(WEIR, 25, timeout=2).socket.close())
            return True
        except OSError:
            return False

    def send_each(self, recipients, lines, address=WEIR):
        """A message of so many lines to each recipient, each on a connection of its own with TLS; to be
        called in `near`. Returns how long the slowest took, in seconds."""
        content = b"From: <s@near.test>\r\nSubject: lab\r\n\r\n" + lines * (b"x" * 70 + b"\r\n")
        slowest = 0.0
        for recipient in recipients:
            start = time.monotonic()
            with Client(address, 25, timeout=20) as client:
                client.starttls(trusting(self.home), self.server_name)
                client.send("s@near.test", [recipient], content)
            slowest = max(slowest, time.monotonic() - start)
        return slowest

    def stop_weir(self):
        """Asks weir to end; returns its exit status, None when there is no weir."""
        if self.weir is None:
            return None
        process, self.weir = self.weir, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return -signal.SIGKILL

    def weir_running(self):
        return self.direct or (self.weir is not None and self.weir.poll() is None)

    @staticmethod
    def metrics_text():
        with urllib.request.urlopen(METRICS, timeout=2) as answer:
            return answer.read().decode("utf-8")

    def metrics(self):
        """name{labels} -> value, from the Prometheus text."""
        rows = [line.rpartition(" ") for line in self.metrics_text().splitlines()
                if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in rows}

    def tail(self, name, lines=LOG_LINES):
        try:
            with open(os.path.join(self.home, name), encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except FileNotFoundError:
            return ""

    def logs_show(self):
        """What a reader needs when something failed: the ends of all logs."""
        for name in ("weir.out", "weir.log", "near/mail.log", "next/mail.log"):
            text = self.tail(name)
            if text:
                print(f"---- the end of {name}\n{text.rstrip()}")
        if self.weir and self.weir.poll() is not None:
            print(f"---- weir is gone, exit status {self.weir.returncode}")


def run(cases, body):
    """The frame of a test program: arguments, the laboratory, logs on failure, the closing line."""
    parser = argparse.ArgumentParser(description=body.__doc__)
    parser.add_argument("--direct", action="store_true",
                        help="without weir: checks the laboratory itself")
    args = parser.parse_args()
    try:
        with Lab(args.direct) as lab:
            body(lab, cases)
            if cases.failed:
                lab.logs_show()
    except Exception as error:
        cases.broken(error)
    sys.exit(cases.close())
