"""What an idle TLS connection costs: thousands of them held open, and nothing said on them.

The generator opens CONNECTIONS connections with STARTTLS, sends one message on each and then pauses.
While all of them pause, three things are added up: how much weir's own memory (heap and stacks, its
anonymous pages) grew since it started; the blocks of its pool that are in use beyond those before;
and what was reserved at the start for each connection (everything but the pool of blocks, divided
by the connections it is made for).
"""
import os
import subprocess
import time

import demo_traffic
from demo_engine import Engine

CONNECTIONS = 5000
PAUSE_SECONDS = 30
OPEN_SECONDS = 60   # how long it may take until all are there
BLOCK_BYTES = 4096


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for row in file:
            if row.startswith("RssAnon:"):
                return int(row.split()[1]) * 1024
    raise RuntimeError("no RssAnon")


def blocks_in_use(engine):
    total = sum(v for _, v in engine.values("weir_blocks", state="total"))
    return total - sum(v for _, v in engine.values("weir_blocks", state="free"))


def reserved_each(engine):
    """The share of one connection in what is reserved for connections, all workers alike."""
    parts = engine.values("weir_memory_reserved_bytes", worker="0")
    return sum(v for labels, v in parts if labels["part"] != "blocks") / \
        engine.one("weir_connections_limit", worker="0")


def rests(engine, connections):
    """All connections are there, their first message is through, and nothing is on the way."""
    return (engine.one("weir_smtp_sessions", worker="0", side="near") == connections and
            engine.one("weir_relay_delivered_total", worker="0") == connections)


def measure(lab, socket, connections=CONNECTIONS):
    """Runs on a weir that listens on the memif SOCKET; returns the figures."""
    before = Engine(lab.metrics())
    resident, blocks = resident_bytes(lab.weir.pid), blocks_in_use(before)
    command = demo_traffic.command(lab.home, socket, 2 * connections, None,
                                   os.path.join(lab.home, "idle.json"))
    command += ["--connections", str(connections), "--messages-per-connection", "2", "--think",
                str(PAUSE_SECONDS), "--spread", "5", "--size", "1K", "--quiet"]
    with open(os.path.join(lab.home, "idle.out"), "wb") as output:
        generator = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        engine = wait_until_rest(lab, generator, connections)
        heap = (resident_bytes(lab.weir.pid) - resident) / connections
        pool = (blocks_in_use(engine) - blocks) * BLOCK_BYTES / connections
    finally:
        generator.terminate()
        generator.wait()
    own = reserved_each(engine)
    return {"connections": connections, "bytes_each": round(heap + pool + own),
            "heap_bytes_each": round(heap), "pool_bytes_each": round(pool),
            "reserved_bytes_each": round(own)}


def wait_until_rest(lab, generator, connections):
    end = time.monotonic() + OPEN_SECONDS
    while time.monotonic() < end:
        engine = Engine(lab.metrics())
        if rests(engine, connections):
            time.sleep(2)  # idle next connections may stay, replies in flight may not
            return Engine(lab.metrics())
        if generator.poll() is not None:
            raise RuntimeError(f"the generator ended early:\n{lab.tail('idle.out')}")
        time.sleep(0.2)
    raise RuntimeError(f"not all of {connections} connections are open after {OPEN_SECONDS} s")
