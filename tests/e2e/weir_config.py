"""Writes weir's configuration (libconfig syntax) for the laboratory.

`settings` gives the configuration as Python values: dict for a group, tuple for a list of groups,
list for an array. A test changes what it needs to and writes it with `write`.
"""
import json
import os

from network import NEXT, NEXT6, WEIR, WEIR6


def settings():
    """What an operator would begin with: listeners, routes, TLS levels, one content rule."""
    return {
        "workers": {"lcores": str(max(os.sched_getaffinity(0))), "idle": "adaptive"},
        "ports": ({
            "name": "wire0", "device": "net_af_packet0,iface=weir0",
            "addresses": [f"{WEIR}/24", f"{WEIR6}/64"], "gateways": [NEXT, NEXT6], "mtu": 1500,
        },),
        "certificates": ({"name": "mx", "chain": "mx.crt", "key": "mx.key"},),
        "listeners": (
            listener("inbound", WEIR, 25, "offer"),
            listener("inbound6", WEIR6, 25, "offer"),
            listener("smtps", WEIR, 465, "implicit"),
        ),
        "routes": (
            route(["example.test", ".sub.test", "bank.test"], [f"{NEXT}:2525", f"[{NEXT6}]:2525"]),
            route(["six.test"], [f"[{NEXT6}]:2525"]),
            route(["plain.test", "strict.test"], [f"{NEXT}:2526"]),
            route(["wrong.test"], [f"{NEXT}:2527"]),
        ),
        "tls": {
            "trust": "ca.crt",
            "next": (
                {"domains": ["bank.test", "strict.test", "wrong.test"], "level": "verify",
                 "minimum": "TLSv1.3", "on_failure": "defer"},
                {"domains": ["*"], "level": "opportunistic"},
            ),
            "near": ({"domains": ["partner.test"], "level": "encrypt"},),
        },
        "content": ({"name": "eicar", "literals": ["EICAR-STANDARD-ANTIVIRUS-TEST-FILE"],
                     "verdict": "reject"},),
        "limits": {"message_bytes_max": 52428800, "recipients_max": 1000,
                   "connections_max": 100000},
        "metrics": {"listen": "127.0.0.1:9425"},
        "log": {"file": "weir.log"},
    }


def listener(name, address, port, tls):
    return {"name": name, "address": address, "port": port, "tls": tls, "certificate": "mx"}


def route(domains, next_hops):
    return {"domains": domains, "next": next_hops}


def text(value, depth=0):
    """A value in libconfig's syntax."""
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        rows = "".join(f"{pad}{name} = {text(item, depth + 1)};\n" for name, item in value.items())
        return "{\n" + rows + "  " * depth + "}"
    if isinstance(value, tuple):
        return "( " + ", ".join(text(item, depth) for item in value) + " )"
    if isinstance(value, list):
        return "[ " + ", ".join(text(item, depth) for item in value) + " ]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)


def write(path, values):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{name} = {text(value)};\n" for name, value in values.items())
