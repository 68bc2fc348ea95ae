"""What the engine says about itself: CPU spent and delay caused, read from its metrics endpoint.

The names of the metrics stand here and nowhere else in the demonstration. Percentiles come from the
engine's own histogram (1.6 % steps), which sums over its workers; they are since its start, so that
a reading is taken from an engine started for the purpose. The counts over 10 ms and 15 ms are
exact, because both are bucket bounds.
"""
import os
import re

BUSY_SECONDS = "weir_worker_busy_seconds_total"
AWAKE_SECONDS = "weir_worker_awake_seconds_total"
BUDGET_BUCKET = "weir_message_engine_seconds_bucket"
BUDGET_COUNT = "weir_message_engine_seconds_count"
BUDGET_QUANTILE = "weir_message_engine_quantile_seconds"
BUDGET_MAX = "weir_message_engine_seconds_max"
WHOLE = "message"  # the stage that stands for the message as a whole
QUANTILES = (("p50_us", "0.5"), ("p99_us", "0.99"), ("p999_us", "0.999"))


class Engine:
    """One reading of the metrics: name{labels} -> value."""

    def __init__(self, metrics):
        self.rows = [(*parsed(name), value) for name, value in metrics.items()]

    def values(self, name, **labels):
        """(labels, value) of every row of that name that has these labels."""
        return [(have, value) for row, have, value in self.rows
                if row == name and labels.items() <= have.items()]

    def busy_seconds(self):
        """Of all workers together; idle polls are not in it."""
        rows = self.values(BUSY_SECONDS)
        if not rows:
            raise KeyError(f"the metrics endpoint has no {BUSY_SECONDS}")
        return sum(value for _, value in rows)

    def awake_seconds(self):
        """Of all workers: busy turns and idle polls together, by the same clock; sleeps are not in it."""
        return sum(value for _, value in self.values(AWAKE_SECONDS))

    def stages(self):
        """In the order of the endpoint, which is that of a message's life."""
        return list(dict.fromkeys(labels["stage"] for labels, _ in self.values(BUDGET_COUNT)
                                  if labels["stage"] != WHOLE))

    def budget(self, stage=WHOLE):
        """The delay that the engine caused, as the keys of demo.json have it."""
        count = self.one(BUDGET_COUNT, stage=stage)
        figures = {key: round(1e6 * self.one(BUDGET_QUANTILE, stage=stage, quantile=q))
                   for key, q in QUANTILES}
        figures["max_us"] = round(1e6 * self.one(BUDGET_MAX, stage=stage))
        for key, bound in (("over_10ms", 0.010), ("over_15ms", 0.015)):
            figures[key] = round(count - self.at_most(bound, stage))
        return figures

    def one(self, name, **labels):
        rows = self.values(name, **labels)
        if len(rows) != 1:
            raise KeyError(f"the metrics endpoint has {len(rows)} rows {name} {labels}, not one")
        return rows[0][1]

    def at_most(self, bound, stage):
        for labels, value in self.values(BUDGET_BUCKET, stage=stage):
            if float(labels["le"].replace("+Inf", "inf")) == bound:
                return value
        raise KeyError(f"the metrics endpoint has no bucket {bound} of stage {stage}")


def worker_cpu_seconds(pid):
    """What the kernel says the workers' threads have used. A worker's own clock goes on while somebody else has its core;
    the kernel's does not."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
            if not file.read().startswith("dpdk-worker"):
                continue
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def parsed(row):
    """'name{a="b"}' -> name, {a: b}"""
    name, _, labels = row.partition("{")
    return name, dict(re.findall(r'(\w+)="([^"]*)"', labels))
