"""One turn of one system: saturated by a closed loop, then at half of that rate by Poisson arrivals, then
idle connections held. CPU time is that of the whole turn, from before the first message to behind the
last delivery, so that a queue cannot hide work: divided by what was delivered.
"""
import json
import os
import re
import subprocess
import time
import urllib.request

import systems

PROGRAM = os.path.join(systems.TREE, "build/bench/gen/weir-bench")
TICK = os.sysconf("SC_CLK_TCK")
IDLE_CONNECTIONS = 200
LINGER_SECONDS = 15


class Fault(Exception):
    """A turn that gave no figures."""


def tree(pid):
    """The process and all below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat(name)
            if fields:
                parents[int(name)] = int(fields[1])
    inside, more = {pid}, True
    while more:
        more = {child for child, parent in parents.items() if parent in inside} - inside
        inside |= more
    return inside


def stat(pid, task=None):
    """The fields behind the name in /proc/PID/stat."""
    path = f"/proc/{pid}/task/{task}/stat" if task else f"/proc/{pid}/stat"
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def cpu_of_tree(pid):
    """(user, kernel) seconds, ended children included."""
    user = system = 0
    for process in tree(pid):
        fields = stat(process)
        if fields:
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return user / TICK, system / TICK


def memory_of_tree(pid):
    """Bytes of heaps and stacks, each shared page counted once (proportional shares). Code, and memory shared
    with a generator on the other side of a memif, are no connection's."""
    total = 0
    for process in tree(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))
        except OSError:
            continue
    return total * 1024


def engine_times():
    """Seconds that weir's workers were busy, and awake (busy or polling), by their own count."""
    with urllib.request.urlopen(f"http://{systems.METRICS}/metrics", timeout=2) as answer:
        text = answer.read().decode()
    return [sum(float(m) for m in re.findall(rf"^weir_worker_{kind}_seconds_total\{{[^}}]*\}} ([0-9.e+-]+)", text, re.M))
            for kind in ("busy", "awake")]


def cpu_of_threads(pid):
    """CPU seconds of weir's workers, and of its other threads (logs, metrics). DPDK names the workers."""
    workers = others = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
                name = file.read()
        except OSError:
            continue
        fields = stat(pid, task)
        if not fields:
            continue
        used = (int(fields[11]) + int(fields[12])) / TICK
        if re.match(r"(dpdk|rte|lcore)-?worker", name):
            workers += used
        else:
            others += used
    return workers, others


class Turn:
    def __init__(self, system, scenario, seconds, options):
        self.system, self.scenario, self.seconds, self.options = system, scenario, seconds, options

    def generator(self, *arguments):
        """A run's report. A message that a queue keeps back for a later try is missing at the end (status 1):
        that is shown, and is no reason to have no figures."""
        ok = (0, 1, 3) if self.system.queues else (0, 3)
        report = os.path.join(self.system.home, "turn.json")
        core = min(os.sched_getaffinity(0))
        # DPDK pins its own threads; the others stay on the generator's core.
        done = subprocess.run(
            ["taskset", "-c", str(core), PROGRAM, "run", self.scenario, *self.options,
             *self.system.arguments(), *self.engine(), "--json", report, "--quiet", "--linger", str(LINGER_SECONDS), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=600, cwd=systems.TREE)
        if done.returncode not in ok:
            raise Fault(f"{self.system.name}: the generator ended with {done.returncode}\n{done.stdout[-2000:]}")
        with open(report, encoding="utf-8") as file:
            return json.load(file)

    def engine(self):
        return ["--engine", systems.METRICS] if isinstance(self.system, systems.Weir) else []

    def times(self):
        """What has been used so far, to be subtracted later."""
        if isinstance(self.system, systems.Weir):
            return [*engine_times(), *cpu_of_threads(self.system.pid)]
        return list(cpu_of_tree(self.system.pid)) if self.system.pid else [0.0, 0.0]

    def used(self, times):
        """CPU seconds, and the kernel's part of them where it is known. A worker polls while it is idle, so
        that its CPU time counts by the share of its awake time that it was busy; where nothing else wants its
        core that is its busy time itself."""
        if not isinstance(self.system, systems.Weir):
            return sum(times), times[1]
        busy, awake, workers, others = times
        return (workers * busy / awake if awake else 0) + others, 0.0

    def saturated(self):
        before = self.times()
        run = self.generator("--duration", str(self.seconds), "--warmup", str(self.seconds / 5))
        used, kernel = self.used([b - a for a, b in zip(before, self.times())])
        delivered = max(1, run["deliveries"])
        generator = run["generator_total_busy_seconds"]
        return {
            # What a queue still holds when the load ends is work left over: time goes on until it is done.
            "rate": delivered / run["drained_seconds"] if self.system.queues else run["messages_per_second"],
            "cpu_us": 1e6 * used / delivered,
            "kernel_us": 1e6 * kernel / delivered,
            "generator_us": 1e6 * generator / delivered,
            "ratio": used / generator if generator else 0,
            "generator_busy_percent": run["generator_busy_percent"],
            "valid": run["valid"], "accounted": run["accounted"], "run": slim(run),
        }

    def half(self, rate):
        run = self.generator("--rate", f"{max(1, rate / 2):.1f}", "--poisson", *([] if self.system.name == "opensmtpd" else ["--connections", "1000"]),
                             "--duration", str(self.seconds), "--warmup", str(self.seconds / 5))
        total = run["phases"]["total"]
        return {"half_rate": rate / 2, "p50_us": total["p50_us"], "p99_us": total["p99_us"],
                "p999_us": total["p999_us"], "run": slim(run)}

    def idle(self):
        """Bytes for an idle TLS connection: what the memory of the processes grows by while they are held."""
        if not self.system.pid:
            return None
        before = memory_of_tree(self.system.pid)
        core = min(os.sched_getaffinity(0))
        process = subprocess.Popen(
            ["taskset", "-c", str(core), PROGRAM, "run", self.scenario, *self.options, *self.system.arguments(),
             "--quiet", "--messages", "1", "--duration", "8", "--warmup", "0", "--crowd", str(IDLE_CONNECTIONS),
             "--connections", "1", "--json", os.path.join(self.system.home, "idle.json")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=systems.TREE)
        time.sleep(7)
        after = memory_of_tree(self.system.pid)
        process.wait(120)
        with open(os.path.join(self.system.home, "idle.json"), encoding="utf-8") as file:
            run = json.load(file)
        held = run["crowd_held"] - run["crowd_lost"]
        if held < IDLE_CONNECTIONS / 2:
            raise Fault(f"{self.system.name}: only {held} idle connections were held")
        return (after - before) / held + reserved(self.system)


def reserved(system):
    """weir reserves a connection's part at launch, where growth does not show: read from its own table, at
    the size it was started with."""
    if not isinstance(system, systems.Weir):
        return 0
    fixed = re.search(r"(\d+) KiB +together; (\d+) connections", system.whole_output())
    return int(fixed[1]) * 1024 / int(fixed[2]) if fixed else 0


def slim(run):
    """A run as the comparison keeps it: without what only its own page needs."""
    return {k: v for k, v in run.items() if k not in ("series", "scenario_text", "listeners")}
