"""The private network of the real-mail tests: namespaces, cables, a bridge.

    near 198.18.0.10 ----+
                         +---- bridge in `lan` ---- weir0 (no kernel address: weir's own stack)
    next 198.18.0.1  ----+

weir0 is the end of a veth pair that stays in the namespace the test runs in; net_af_packet attaches
to it and weir answers there as 198.18.0.2 and 2001:2:0:1::2. The kernel has no address on it, so it
answers nothing itself. Segmentation and checksum offload are off on every end: a veth with them on
carries frames of 64 KiB with unfinished checksums, which no cable does.

Everything is inside the network namespace that ./dev made, and gone with it. Addresses are from the
ranges set aside for benchmarks (RFC 2544, RFC 5180).
"""
import contextlib
import os
import subprocess
import threading

NEAR, NEXT, WEIR = "198.18.0.10", "198.18.0.1", "198.18.0.2"
NEAR6, NEXT6, WEIR6 = "2001:2:0:1::10", "2001:2:0:1::1", "2001:2:0:1::2"
WIREBOX = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                       "build/tests/e2e/wirebox/wirebox")
NAMESPACES = ("lan", "near", "next", "foe")


def sh(*command, check=True, **more):
    """One command, its output as text; a failure carries what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, timeout=60, **more)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def inside(namespace, *command):
    """The command line that runs COMMAND in a namespace."""
    return ["ip", "netns", "exec", namespace, *command]


def call_inside(namespace, function, *arguments):
    """Calls FUNCTION in a thread that has entered a namespace; its sockets belong there."""
    outcome = {}

    def body():
        try:
            with open(f"/run/netns/{namespace}", "rb") as handle:
                os.setns(handle.fileno(), os.CLONE_NEWNET)
            outcome["value"] = function(*arguments)
        except BaseException as error:  # handed to the caller, whatever it is
            outcome["error"] = error

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Network:
    """Context manager: the namespaces above exist inside the `with`."""

    def __enter__(self):
        if os.environ.get("WEIR_INSIDE") != "1":
            raise RuntimeError("this test lays out a network and runs inside the environment only: "
                               "./dev test, or ./dev exec tests/e2e/...")
        self.remove()
        for name in NAMESPACES:
            sh("ip", "netns", "add", name)
            sh(*inside(name, "ip", "link", "set", "lo", "up"))
        sh(*inside("lan", "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0",
                   "forward_delay", "0", "mcast_snooping", "0"))
        sh(*inside("lan", "ip", "link", "set", "br0", "up"))
        self.cable("near", "eth0", NEAR, NEAR6)
        self.cable("next", "eth0", NEXT, NEXT6)
        self.cable(None, "weir0", None, None)
        return self

    def __exit__(self, *_):
        self.remove()

    @staticmethod
    def remove():
        """What an earlier run in the same environment may have left, too."""
        sh("ip", "link", "del", "weir0", check=False)
        present = sh("ip", "netns", "list").split("\n")
        for name in NAMESPACES:
            if any(line.split(" ")[0] == name for line in present):
                sh("ip", "netns", "del", name)

    @staticmethod
    def cable(namespace, name, address, address6):
        """A veth whose far end is a port of the bridge."""
        far = f"to_{namespace or 'weir'}"
        here = inside(namespace) if namespace else []
        place = ["netns", namespace] if namespace else []
        sh("ip", "link", "add", "lab0", "mtu", "1500", "type", "veth", "peer", "name", far, "mtu",
           "1500", "netns", "lan")
        if namespace:
            sh("ip", "link", "set", "lab0", *place)
        sh(*here, "ip", "link", "set", "lab0", "name", name)
        for end, link in ((here, name), (inside("lan"), far)):
            sh(*end, "ethtool", "-K", link, "rx", "off", "tx", "off", "sg", "off", "tso", "off",
               "gso", "off", "gro", "off")
        for end, link, kernel in ((here, name, address6), (inside("lan"), far, None)):
            # Duplicate address detection would hold the address back for a second.
            sh(*end, "sysctl", "-qw", f"net.ipv6.conf.{link}.accept_dad=0",
               f"net.ipv6.conf.{link}.disable_ipv6={0 if kernel else 1}")
        if address:
            sh(*here, "ip", "addr", "add", address + "/24", "dev", name)
            sh(*here, "ip", "addr", "add", address6 + "/64", "dev", name, "nodad")
        sh(*inside("lan"), "ip", "link", "set", far, "master", "br0", "up")
        sh(*here, "ip", "link", "set", name, "up")

    @staticmethod
    def plug(tap):
        """A tap that weir made becomes a port of the bridge. The kernel's end gets an address of its
        own: with weir's the bridge would keep weir's frames for itself."""
        sh("ip", "link", "set", tap, "netns", "lan")
        sh(*inside("lan", "ip", "link", "set", tap, "address", "02:00:00:00:00:77"))
        sh(*inside("lan", "ip", "link", "set", tap, "master", "br0", "up"))

    @staticmethod
    @contextlib.contextmanager
    def long_cable(namespace, *plan, seed=1):
        """Inside the `with` a wirebox stands between a namespace and the bridge; PLAN is its
        arguments, `there` being the way out of the namespace. Yields the process, whose last line
        tells what was carried and lost."""
        lan = inside("lan")
        far = f"to_{namespace}"
        sh(*lan, "ip", "link", "add", "box0", "mtu", "1500", "type", "veth", "peer", "name", "box1",
           "mtu", "1500")
        for link in ("box0", "box1"):
            sh(*lan, "ethtool", "-K", link, "rx", "off", "tx", "off", "sg", "off", "tso", "off",
               "gso", "off", "gro", "off")
            sh(*lan, "sysctl", "-qw", f"net.ipv6.conf.{link}.disable_ipv6=1")
            sh(*lan, "ip", "link", "set", link, "up")
        sh(*lan, "ip", "link", "set", "box1", "master", "br0")
        sh(*lan, "ip", "link", "set", far, "nomaster")
        box = subprocess.Popen([*lan, WIREBOX, far, "box0", str(seed), *plan],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
        try:
            yield box
        finally:
            box.terminate()
            box.wait(10)
            sh(*lan, "ip", "link", "set", far, "master", "br0")
            sh(*lan, "ip", "link", "del", "box0")

    @staticmethod
    def lose(namespace, percent):
        """Drops that share of what enters and of what leaves a namespace, at random."""
        rule = f"numgen random mod 100 < {percent} counter drop"
        sh(*inside(namespace, "nft", f"""
            table inet loss {{
                chain entering {{ type filter hook input priority 0; iifname "eth0" {rule}; }}
                chain leaving {{ type filter hook output priority 0; oifname "eth0" {rule}; }}
            }}"""))

    @staticmethod
    def swallow(namespace, size):
        """Drops what enters a namespace and is larger, without a word."""
        sh(*inside(namespace, "nft", f"""
            table inet loss {{
                chain entering {{ type filter hook input priority 0;
                                  iifname "eth0" meta length > {size} counter drop; }}
            }}"""))

    @staticmethod
    def keep(namespace):
        """Ends what `lose` or `swallow` began."""
        sh(*inside(namespace, "nft", "delete", "table", "inet", "loss"), check=False)

    @staticmethod
    def lost(namespace):
        """How many packets were dropped: entering, leaving."""
        text = sh(*inside(namespace, "nft", "list", "table", "inet", "loss"))
        return [int(line.split("packets ")[1].split()[0]) for line in text.splitlines()
                if "packets " in line]
