"""The price of a message on new TLS connections, beside the price of the two handshakes alone.

In rounds, A B A B: weir relays 4 KiB messages, a new TLS 1.3 connection on both hops and no session
resumed; then bench/micro/handshake shakes hands in memory with the same library, key type and
groups, on weir's core, while a second one keeps the other core as busy as the generator did. Medians
over the rounds are compared: a virtual machine's speed drifts, and both drift with it. CPU time is the kernel's
count on both sides; of the worker's thread the share of its busy turns is taken, so that idle polls do not count.
"""
import os
import statistics
import subprocess

LOOP = "build/bench/micro/handshake"
LOOP_SECONDS = 2
ROUNDS = 3
MESSAGES = 3000
LIMITS = {"next_messages_max": 1, "next_resumptions_max": 0, "next_connections_max": 128}


def loop_us(home, core, other):
    """CPU microseconds of one server's and one client's side of a handshake, alone on CORE."""
    def command(on):
        return [LOOP, f"{home}/next.crt", f"{home}/next.key", f"{home}/ca.crt", "next.test",
                str(LOOP_SECONDS), str(on)]
    company = subprocess.Popen(command(other), stdout=subprocess.DEVNULL)
    try:
        done = subprocess.run(command(core), stdout=subprocess.PIPE, text=True, check=True,
                              timeout=60)
    finally:
        company.wait()
    last = done.stdout.splitlines()[-1]
    return float(dict(part.split("=") for part in last.split()[1:])["median_us"])


def compare(engine_us, home, rounds=ROUNDS):
    """engine_us() runs one round through weir; returns its CPU us per message."""
    cores = sorted(os.sched_getaffinity(0))
    engine, loop = [], []
    for _ in range(rounds):
        engine.append(engine_us())
        loop.append(loop_us(home, cores[-1], cores[0]))
    a, b = statistics.median(engine), statistics.median(loop)
    return {"engine_cpu_us_per_message": round(a, 1), "openssl_cpu_us_per_handshake_pair": round(b, 1),
            "ratio": round(a / b, 3), "rounds": rounds,
            "engine_rounds_us": [round(us, 1) for us in engine],
            "openssl_rounds_us": [round(us, 1) for us in loop]}
