"""What is compared: weir on two kinds of ports, stock peers, and the generator with its own sinks alone.

Each system is started for one turn and stopped after it, on the core given to it; the generator has the
other one. start() returns when mail is accepted. `pid` is the root of its processes.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
BENCH = os.path.dirname(HERE)
TREE = os.path.dirname(BENCH)
sys.path.insert(0, os.path.join(TREE, "tests", "e2e"))

import weir_config  # noqa: E402

PEERS = os.path.join(BENCH, "peers")
WEIR = os.path.join(TREE, "build/engine/run/weir")
STOCK_MASTER = "/usr/share/postfix/master.cf.dist"
ADDRESS, PORT, SINK_PORT = "127.0.0.1", 2500, 2525
WIRE_WEIR, WIRE_HERE = "198.18.0.2", "198.18.0.1"
METRICS = "127.0.0.1:9425"
START_SECONDS, STOP_SECONDS = 20, 40


def unpacked():
    """Where the peers are that apt cannot install beside postfix (tests/env/peers.txt)."""
    cache = os.environ.get("WEIR_CACHE", "/var/cache/weir")
    return next((p for p in ("/opt/weir-peers", os.path.join(cache, "peers")) if os.path.isdir(p)), None)


class System:
    name = title = note = ""
    queues = False      # acknowledges before it has delivered
    implicit = False    # TLS from the first byte, both sides: it speaks no SMTP
    target, sink = f"{ADDRESS}:{PORT}", f"{ADDRESS}:{SINK_PORT}"

    def __init__(self, home, core):
        self.base, self.core = home, core
        self.home = os.path.join(home, self.name)
        self.process = None
        self.pid = 0

    def present(self):
        """None, or why it cannot be had here."""

    def start(self):
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        self.lay_out()
        command = self.command()
        if command:
            with open(os.path.join(self.home, "output"), "ab") as output:
                self.process = subprocess.Popen(["taskset", "-c", str(self.core), *command], stdout=output,
                                                stderr=output, stdin=subprocess.DEVNULL, cwd=self.home)
            self.pid = self.process.pid
        self.wait()

    def lay_out(self):
        """Writes its files."""

    def command(self):
        return None

    def template(self, name, path, **more):
        with open(os.path.join(PEERS, name), encoding="utf-8") as file:
            text = file.read()
        for key, value in dict(home=self.home, pki=self.base, address=ADDRESS, port=PORT, next=ADDRESS,
                               next_port=SINK_PORT, **more).items():
            text = text.replace("{" + key + "}", str(value))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process and self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at once:\n{self.output()}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not answer after {START_SECONDS} s:\n{self.output()}")
            time.sleep(0.1)

    def answers(self):
        try:
            with socket.create_connection((ADDRESS, PORT), timeout=2) as connection:
                return self.implicit or connection.recv(3) == b"220"
        except OSError:
            return False

    def whole_output(self):
        try:
            with open(os.path.join(self.home, "output"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def output(self):
        return "\n".join(self.whole_output().splitlines()[-15:])

    def stop(self):
        process, self.process = self.process, None
        if not process or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def arguments(self):
        """The generator's side: options of weir-bench."""
        tls = ["--tls", "implicit"] if self.implicit else []
        return ["--kernel", "--target", self.target, "--sink", self.sink + (",tls=implicit" if self.implicit else ""), *tls]


class Direct(System):
    name, title = "alone", "generator and sinks alone"
    note = "the floor: one client's and one server's handshake, kernel TCP, no proxy between"
    target = System.sink

    def wait(self):
        pass


class Weir(System):
    def present(self):
        return None if os.access(WEIR, os.X_OK) else "weir is not built"

    def settings(self, device, address, gateway, connections):
        s = weir_config.settings()
        s["workers"] = {"lcores": str(self.core), "idle": "adaptive"}
        s["ports"] = ({"name": "wire0", "device": device, "addresses": [f"{address}/24"], "gateways": [gateway],
                       "mtu": 1500},)
        s["certificates"] = ({"name": "mx", "chain": f"{self.base}/mx.crt", "key": f"{self.base}/mx.key"},)
        s["listeners"] = (weir_config.listener("inbound", address, 25, "offer"),)
        s["routes"] = (weir_config.route(["*"], [f"{gateway}:{SINK_PORT}"]),)
        s["tls"] = {"next": ({"domains": ["*"], "level": "encrypt"},)}
        s["limits"] = {"connections_max": connections, "message_bytes_max": "100M"}
        s["log"] = {"file": f"{self.home}/weir.log"}
        return s

    connections = 4000

    def lay_out(self):
        weir_config.write(os.path.join(self.home, "weir.conf"), self.wire(self.connections))

    def command(self):
        # Control shares the generator's core: what it costs is counted with weir, and its core is the worker's.
        return ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0)))), WEIR, "-c",
                os.path.join(self.home, "weir.conf")]

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", 9425), timeout=1):
                return True
        except OSError:
            return False


class WeirMemif(Weir):
    name, title = "weir-memif", "weir over memif"
    note = "shared memory between weir and the generator, both on our own stack"
    target, sink = f"{WIRE_WEIR}:25", f"{WIRE_HERE}:{SINK_PORT}"

    def wire(self, connections):
        device = f"net_memif0,role=server,socket={self.home}/memif.sock,socket-abstract=no"
        return self.settings(device, WIRE_WEIR, WIRE_HERE, connections)

    def arguments(self):
        device = f"net_memif0,role=client,socket={self.home}/memif.sock,socket-abstract=no"
        generator = min(os.sched_getaffinity(0))
        return ["--device", device, "--lcores", str(generator), "--target", self.target, "--sink", self.sink]


class WeirWire(Weir):
    name, title = "weir-af_packet", "weir over veth"
    note = "af_packet on a veth; the generator uses kernel sockets at its other end"
    target, sink = f"{WIRE_WEIR}:25", f"{WIRE_HERE}:{SINK_PORT}"

    def wire(self, connections):
        return self.settings("net_af_packet0,iface=weir0", WIRE_WEIR, WIRE_HERE, connections)

    def start(self):
        self.cable()
        super().start()

    @staticmethod
    def cable():
        subprocess.run(["ip", "link", "del", "weir0"], stderr=subprocess.DEVNULL, check=False)
        for command in ("ip link add weir0 mtu 1500 type veth peer name here0 mtu 1500",
                        "ethtool -K weir0 rx off tx off sg off tso off gso off gro off",
                        "ethtool -K here0 rx off tx off sg off tso off gso off gro off",
                        "sysctl -qw net.ipv6.conf.weir0.disable_ipv6=1",
                        f"ip addr add {WIRE_HERE}/24 dev here0", "ip link set here0 up", "ip link set weir0 up"):
            subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        super().stop()
        subprocess.run(["ip", "link", "del", "weir0"], stderr=subprocess.DEVNULL, check=False)


class Haproxy(System):
    name, title, implicit = "haproxy", "HAProxy", True
    note = "TLS on both sides, a pipe between: no SMTP, no inspection"

    def present(self):
        return None if shutil.which("haproxy") else "haproxy is not installed"

    def lay_out(self):
        with open(f"{self.home}/mx.pem", "w", encoding="ascii") as pem:
            for part in ("mx.crt", "mx.key"):
                with open(os.path.join(self.base, part), encoding="ascii") as file:
                    pem.write(file.read())
        self.template("haproxy.cfg", f"{self.home}/haproxy.cfg")

    def command(self):
        return ["haproxy", "-db", "-f", f"{self.home}/haproxy.cfg"]


class Unpacked(System):
    """A peer that runs where the unpacked packages stand in /usr, with the users that they want."""
    program = ""

    def present(self):
        root = unpacked()
        here = root and os.path.exists(os.path.join(root, self.program.lstrip("/")))
        return None if here else f"{self.program} is not unpacked (tests/env/peers.txt)"

    def inside(self, *command):
        return [os.path.join(HERE, "peer_root"), unpacked(), self.home, *command]


class Exim(Unpacked):
    name, title, program = "exim", "Exim, cutthrough", "/usr/sbin/exim4"
    note = "a process a connection; the sender hears the next hop's reply, as with weir"

    def lay_out(self):
        os.makedirs(f"{self.home}/spool")
        nobody = pwd.getpwnam("nobody")
        for folder in (self.home, f"{self.home}/spool"):
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        # Exim reads the key after it gave up root.
        for part in ("mx.crt", "mx.key"):
            shutil.copy(os.path.join(self.base, part), self.home)
            os.chown(os.path.join(self.home, part), nobody.pw_uid, nobody.pw_gid)
        self.template("exim.conf", f"{self.home}/exim.conf")
        with open(f"{self.home}/exim.conf", encoding="utf-8") as file:
            text = file.read().replace(f"{self.base}/mx.", f"{self.home}/mx.")
        with open(f"{self.home}/exim.conf", "w", encoding="utf-8") as file:
            file.write(text)

    def command(self):
        return self.inside(self.program, "-C", f"{self.home}/exim.conf", "-bdf")


class Opensmtpd(Unpacked):
    name, title, program, queues = "opensmtpd", "OpenSMTPD", "/usr/sbin/smtpd", True
    note = "says 250 when the message is in its queue; keeps its connections to the next hop; 5 connections at once"

    def arguments(self):
        # It shuns a next hop that closes behind a message, for minutes; and it listens with a backlog of 5,
        # beyond which connections hang.
        return [*super().arguments(), "--sink-messages", "0", "--connections", "5", "--timeout", "5", "--attempts", "3",
                "--retry-after", "0.1"]

    def lay_out(self):
        self.template("opensmtpd.conf", f"{self.home}/smtpd.conf")

    def command(self):
        return self.inside(self.program, "-F", "-f", f"{self.home}/smtpd.conf")


class Postfix(System):
    name, title, queues = "postfix", "Postfix", True
    note = "says 250 when the message is in its queue"

    def present(self):
        return None if os.path.exists(STOCK_MASTER) else "postfix is not installed"

    def lay_out(self):
        owner = pwd.getpwnam("postfix")
        for part in ("queue", "data"):
            os.makedirs(os.path.join(self.home, part))
        os.chown(os.path.join(self.home, "data"), owner.pw_uid, owner.pw_gid)
        self.template("postfix.cf", f"{self.home}/main.cf")
        with open(STOCK_MASTER, encoding="ascii") as stock, \
                open(f"{self.home}/master.cf", "w", encoding="ascii") as file:
            file.writelines(self.services(stock))

    @staticmethod
    def services(stock):
        for line in stock:
            fields = line.split(None, 7)
            if line.startswith("#") or not fields or fields[1:2] == ["inet"] and not line[0].isspace():
                continue
            if not line[0].isspace():
                fields[4] = "n"  # no chroot: the queue is not furnished for one
                line = " ".join(fields) + ("" if fields[-1].endswith("\n") else "\n")
            yield line
        yield f"{ADDRESS}:{PORT} inet n - n - 400 smtpd\n"

    def start(self):
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        self.lay_out()
        subprocess.run(["taskset", "-c", str(self.core), "postfix", "-c", self.home, "start"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()
        with open(f"{self.home}/queue/pid/master.pid", encoding="ascii") as file:
            self.pid = int(file.read())

    def stop(self):
        subprocess.run(["postfix", "-c", self.home, "stop"], check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


ALL = (Direct, WeirMemif, WeirWire, Haproxy, Exim, Opensmtpd, Postfix)
