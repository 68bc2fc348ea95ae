#!/usr/bin/env python3
"""What lies between weir and its peers: VLANs on the cable, networks behind a router.

The near side gets a second address in VLAN 100 and reaches weir's address there; the next hop has one
that lies behind itself as a router, to which only a static route leads. Frames with the wrong tag,
or with two, must be counted and not answered.
"""
import json
import os
import subprocess
import sys

import weir_config
from cases import Cases, check
from delivered import Delivered
from lab import NEXT_PORT, run
from network import NEXT, call_inside, inside, sh

VLAN, NEAR_VLAN, WEIR_VLAN = 100, "198.18.100.10", "198.18.100.2"
NEAR6_VLAN, WEIR6_VLAN = "2001:2:0:100::10", "2001:2:0:100::2"
TAGGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tagger.py")
BEHIND = "198.19.7.1"  # an address of the next hop, not of its network
MESSAGES = 5
BODY_LINES = 1500  # about 100 KiB: full segments, with their tags
DELIVERY_SECONDS = 20


def lay_out(lab):
    """vlan100 in near is the plain end of a veth pair; at the other end the tagger joins it to the cable."""
    near = inside("near")
    sh(*near, "ip", "link", "add", "vlan100", "mtu", "1500", "type", "veth", "peer", "name", "tagger", "mtu", "1500")
    for link in ("vlan100", "tagger"):
        sh(*near, "ethtool", "-K", link, "rx", "off", "tx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off")
    sh(*near, "sysctl", "-qw", "net.ipv6.conf.vlan100.accept_dad=0", "net.ipv6.conf.tagger.disable_ipv6=1")
    sh(*near, "ip", "addr", "add", NEAR_VLAN + "/24", "dev", "vlan100")
    sh(*near, "ip", "addr", "add", NEAR6_VLAN + "/64", "dev", "vlan100", "nodad")
    for link in ("vlan100", "tagger"):
        sh(*near, "ip", "link", "set", link, "up")
    sh(*inside("next"), "ip", "addr", "add", BEHIND + "/32", "dev", "lo")
    process = subprocess.Popen([*near, sys.executable, TAGGER, "tagger", "eth0", str(VLAN)])
    lab.stack.callback(process.wait)
    lab.stack.callback(process.kill)


def settings():
    s = weir_config.settings()
    port = dict(s["ports"][0])
    port["addresses"] = port["addresses"] + [f"{WEIR_VLAN}/24 vlan {VLAN}", f"{WEIR6_VLAN}/64 vlan {VLAN}"]
    port["gateways"] = []
    port["routes"] = ({"to": "198.19.7.0/24", "via": NEXT},)
    s["ports"] = (port,)
    s["listeners"] += (weir_config.listener("vlan", WEIR_VLAN, 25, "offer"),
                       weir_config.listener("vlan6", WEIR6_VLAN, 25, "offer"))
    s["routes"] = (weir_config.route(["example.test"], [f"{BEHIND}:{NEXT_PORT}"]),)
    return s


def recipients(address):
    return [f"{address.replace(':', '-')}.{number}@example.test" for number in range(MESSAGES)]


def drops(lab, reason):
    return lab.metrics()[f'weir_tcp_drops_total{{worker="0",port="wire0",reason="{reason}"}}']


def scapy(lab, expression, count):
    """Sends a frame out of near's cable, COUNT times."""
    mac = json.loads(sh("ip", "-j", "link", "show", "weir0"))[0]["address"]
    sh(*inside("near"), "python3", "-c",
       f"from scapy.all import *; sendp(Ether(dst='{mac}')/{expression}, iface='eth0', count={count}, verbose=0)")


def body(lab, cases):
    """Tags are read and written, routes are taken."""
    lay_out(lab)
    lab.start_postfix(near=False, also=[BEHIND])
    with cases.case("weir starts with an address in a VLAN and a route"):
        lab.start_weir(settings())
    with cases.case("its address in the VLAN answers a ping of the whole MTU, over both families"):
        for address, source, size in ((WEIR_VLAN, NEAR_VLAN, 1472), (WEIR6_VLAN, NEAR6_VLAN, 1452)):
            text = sh(*inside("near"), "ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", str(size), "-M", "do",
                      "-I", source, address)
            check(" 3 received" in text, text)
    for address in (WEIR_VLAN, WEIR6_VLAN):
        with cases.case(f"mail of 100 KiB comes in at {address} and goes out by the route"):
            call_inside("near", lab.send_each, recipients(address), BODY_LINES, address)
    with cases.case("each message arrived once"):
        lab.next.mailbox_wait(2 * MESSAGES, DELIVERY_SECONDS)
        have = {Delivered(data).recipient for data in lab.next.mailbox()}
        check(len(have) == 2 * MESSAGES, f"there are {len(have)} recipients")
    with cases.case("frames for an address of another VLAN are counted and not answered"):
        before, resets = drops(lab, "vlan_other"), lab.metrics()['weir_tcp_segments_total{worker="0",port="wire0",'
                                                                'direction="out"}']
        scapy(lab, f"Dot1Q(vlan=7)/IP(dst='{WEIR_VLAN}')/TCP(dport=25)", 3)
        scapy(lab, f"IP(dst='{WEIR_VLAN}')/TCP(dport=25)", 4)
        check(drops(lab, "vlan_other") - before == 7, f"{drops(lab, 'vlan_other') - before} were counted")
        after = lab.metrics()['weir_tcp_segments_total{worker="0",port="wire0",direction="out"}']
        check(after == resets, f"{after - resets} segments were sent")
    with cases.case("frames with two tags are counted"):
        before = drops(lab, "vlan_stacked")
        scapy(lab, f"Dot1Q(vlan=7)/Dot1Q(vlan={VLAN})/IP(dst='{WEIR_VLAN}')/TCP(dport=25)", 5)
        scapy(lab, f"Dot1AD(vlan=7)/Dot1Q(vlan={VLAN})/IP(dst='{WEIR_VLAN}')/TCP(dport=25)", 2)
        check(drops(lab, "vlan_stacked") - before == 7, f"{drops(lab, 'vlan_stacked') - before} were counted")
    with cases.case("weir ends when it is told to"):
        check(lab.stop_weir() == 0, "it does not")


if __name__ == "__main__":
    run(Cases("e2e_link"), body)
