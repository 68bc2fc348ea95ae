"""One run as a section: the verdict, the figures, the plots, the tables, how it was done."""
import json
import re

from svg import Linear, Log, Nines, Plot, esc, number, shares

LATE_MS = 15  # the budget of a message, drawn as a rule where latencies are
PHASES = (("total", "in all, from due to 250"), ("final", "end of message to 250"), ("tls", "TLS handshake"),
          ("envelope", "MAIL to last RCPT"), ("connect", "connect"))
DASHES = ("", " dash", " dot", " dash", " dot")


def section(run, alone=True):
    through = f" through {run['label']}" if run.get("label") else ""
    heading = "h1" if alone else "h2"
    name = run.get("scenario") or "run"
    return (f"<{heading}>{esc(name)}{esc(through)}</{heading}>"
            f'<p class="lead">{esc(run.get("about") or "")}</p>' + verdicts(run) + figures(run)
            + plots(run) + tables(run) + how(run))


def verdicts(run):
    good = run.get("accounted")
    parts = [badge("every message is accounted for" if good else "not every message is accounted for", good)]
    if not run.get("valid", True):
        parts.append(badge("timings invalid: the generator was the limit", False))
    parts += [f'<p class="soft">{esc(doubt)}</p>' for doubt in run.get("doubts", ())]
    return "".join(parts)


def badge(text, good):
    return f'<span class="verdict {"good" if good else "bad"}">{"&#10003;" if good else "&#10007;"} {esc(text)}</span>'


def figures(run):
    total = run["phases"]["total"]
    cells = [(number(run["messages_per_second"]), "messages a second"),
             (number(total["p50_us"] / 1e3) + " ms", "half of them faster"),
             (number(total["p99_us"] / 1e3) + " ms", "99 of 100 faster"),
             (number(run.get("bits_per_second", 0) / 1e6), "Mbit/s of content"),
             (number(run.get("handshakes_per_second", 0)), "TLS handshakes a second")]
    cpu = cpu_per_message(run)
    if cpu is not None:
        cells.append((number(cpu) + " \u00b5s", "CPU of the system under test, a message"))
    saturation = run.get("saturation")
    if saturation:
        cells.insert(0, (number(saturation["messages_per_second"]),
                         f"messages/s with {saturation['share']:.1%} within {saturation['within_us'] / 1e3:g} ms"))
    cells.append((f"{run['generator_busy_percent']:.0f} %", "of a core: the generator itself"))
    return ('<div class="figures">'
            + "".join(f"<div><b>{esc(value)}</b><span>{esc(what)}</span></div>" for value, what in cells) + "</div>")


def cpu_per_message(run):
    messages = run.get("measured_messages")
    if not messages:
        return None
    if run.get("engine"):
        return 1e6 * run["engine"]["busy_seconds"] / messages
    if run.get("process"):
        return 1e6 * (run["process"]["user_seconds"] + run["process"]["system_seconds"]) / messages
    return None


# ---- plots

def rows_of(run):
    series = run.get("series", {})
    return [dict(zip(series["columns"], row)) for row in series.get("rows", ())]


def plots(run):
    rows = rows_of(run)
    parts = []
    if len(rows) > 1:
        parts += [card("Throughput over time", "messages acknowledged, a second", throughput(run, rows)),
                  card("Latency over time", "milliseconds from due (or begun) to 250; a logarithmic axis",
                       latency(run, rows))]
    parts.append(card("Latency distribution", "each nine takes as much room as the one before",
                      distribution(run), wide=len(rows) <= 1))
    if run.get("saturation"):
        parts.append(card("Search for saturation", "latency at each rate that was tried; hollow: did not hold",
                          search(run)))
    elif len(rows) > 1:
        parts.append(card("Load", "messages under way, and the generator's own share of its core", load(run, rows)))
    parts += split_cards(run)
    return f'<div class="cards">{"".join(parts)}</div>'


def card(title, note, body, wide=False):
    return (f'<section class="card{" wide" if wide else ""}"><h3>{esc(title)}</h3>'
            f"<p>{esc(note)}</p>{body}</section>")


def time_axis(rows):
    return Linear(0, rows[-1]["at"])


def warm_up(plot, run, rows):
    end = run["seconds"] - run.get("measured_seconds", run["seconds"])
    if not run.get("saturation") and end > 0.2:
        plot.shade(0, min(end, rows[-1]["at"]), "warm-up")


def throughput(run, rows):
    points = [(r["at"], r["messages"] / r["seconds"]) for r in rows]
    plot = Plot("messages a second over time", time_axis(rows), Linear(0, 1.08 * max(y for _, y in points)),
                "seconds", "messages/s")
    plot.area(points, "s0")
    plot.line(points, "s0")
    warm_up(plot, run, rows)
    return plot.svg()


def latency(run, rows):
    rows = [r for r in rows if r["messages"]]
    if not rows:
        return "<p>no message was acknowledged</p>"
    values = [r[key] / 1e3 for r in rows for key in ("p50_us", "p99_us", "max_us")]
    plot = Plot("latency percentiles over time", time_axis(rows), Log(max(0.01, min(values)), max(values)),
                "seconds", "ms")
    warm_up(plot, run, rows)
    for style, key, label in (("s7 dot", "max_us", "max"), ("s1 dash", "p99_us", "p99"), ("s0", "p50_us", "p50")):
        plot.line([(r["at"], max(r[key] / 1e3, 0.01)) for r in rows], style, label)
    return plot.svg()


def distribution(run):
    curves = [(i, name, run["phases"][key]) for i, (key, name) in enumerate(PHASES)
              if run["phases"].get(key, {}).get("count")]
    values = [us / 1e3 for _, _, phase in curves for _, us in phase["curve"] if us > 0]
    if not values:
        return "<p>nothing was measured</p>"
    most = 99.9 if run["phases"]["total"]["count"] < 20000 else 99.99
    plot = Plot("latency by percentile", Nines(most), Log(max(0.01, min(values)), max(values)), "percentile", "ms")
    for i, name, phase in curves:
        points = [(percent, max(us / 1e3, 0.01)) for percent, us in phase["curve"] if percent <= most]
        plot.line(points, f"s{i}{DASHES[i]}", name)
    if plot.y.low < LATE_MS < plot.y.high:
        plot.rule(LATE_MS, f"{LATE_MS} ms")
    return plot.svg()


def load(run, rows):
    flight = [(r["at"], r["in_flight"] + r["crowd"]) for r in rows]
    plot = Plot("messages under way", time_axis(rows), Linear(0, 1.15 * max(1, max(y for _, y in flight))),
                "seconds", "")
    plot.area(flight, "s2")
    plot.line(flight, "s2", "messages and held connections")
    top = plot.y.high
    plot.line([(r["at"], top * min(1, r["busy_percent"] / 100)) for r in rows], "s3 dash",
              "generator busy (full height: 100 %)")
    warm_up(plot, run, rows)
    return plot.svg()


def search(run):
    trials = run["saturation"]["trials"]
    rates = [t["rate"] for t in trials]
    values = [max(t[key] / 1e3, 0.01) for t in trials for key in ("p50_us", "p99_us", "p999_us")]
    plot = Plot("latency at each rate", Log(min(rates), max(rates)), Log(min(values), max(values)),
                "messages a second", "ms")
    for style, key, label in (("s4 dot", "p999_us", "p99.9"), ("s1 dash", "p99_us", "p99"), ("s0", "p50_us", "p50")):
        plot.line(sorted((t["rate"], max(t[key] / 1e3, 0.01)) for t in trials), style, label)
    for t in trials:
        px, py = plot.at(t["rate"], max(t["p999_us"] / 1e3, 0.01))
        fill = "var(--c4)" if t["held"] else "var(--card)"
        plot.parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" fill="{fill}" stroke="var(--c4)" stroke-width="1.6"/>')
    plot.rule(run["saturation"]["within_us"] / 1e3, "the bound")
    return plot.svg()


# ---- where the time goes

def engine_rows(run, name):
    """label -> what was added while it was measured, of one of weir's metrics."""
    found = {}
    for row, before, after in run.get("engine", {}).get("rows", ()):
        head, _, labels = row.partition("{")
        if head == name:
            found[dict(re.findall(r'(\w+)="([^"]*)"', labels)).get("stage", "")] = after - before
    return found


def split_cards(run):
    parts = []
    cpu = worker_split(run) or process_split(run)
    if cpu:
        parts.append(card("CPU by stage", cpu.get("note", ""),
                          shares("CPU by stage", [(r[0], r[1], r[2]) for r in cpu["rows"]], cpu.get("unit", "\u00b5s")),
                          wide=True))
    sums = engine_rows(run, "weir_message_engine_seconds_sum")
    counts = engine_rows(run, "weir_message_engine_seconds_count")
    count = counts.get("message") or 0
    stages = [(stage, 1e6 * sums[stage] / count, "") for stage in sums if stage != "message"] if count else []
    if stages:
        whole = 1e6 * sums["message"] / count
        parts.append(card("Shares of the delay budget",
                          f"the time a message waited for weir, on average {whole:,.0f} \u00b5s of the 10 000 it may",
                          shares("delay by stage", stages, "\u00b5s"), wide=True))
    return parts


STAGES = {"receive": "driver and TCP in", "machines": "TLS records, SMTP, content, policy", "timers": "TCP timers",
          "send": "TCP out and driver", "handshakes": "steps of TLS handshakes"}


def worker_split(run):
    """Where weir's workers spent their busy time."""
    found = engine_rows(run, "weir_worker_stage_seconds_total")
    messages = run.get("measured_messages") or 0
    if not found or not messages:
        return None
    rows = [(stage, 1e6 * seconds / messages, STAGES.get(stage, "")) for stage, seconds in found.items()]
    return {"note": "busy time of weir's workers, a message, by stage of their turns", "rows": rows}


def process_split(run):
    """Without anything finer: user and kernel time of the process tree, and the engine's own."""
    messages = run.get("measured_messages") or 0
    process = run.get("process")
    if not process or not messages:
        return None
    rows = [("in the program", 1e6 * process["user_seconds"] / messages, "user time"),
            ("in the kernel", 1e6 * process["system_seconds"] / messages, "system calls, TCP, files")]
    return {"note": f"of the process tree, a message; {process['processes']} processes, "
                    f"{process['resident_bytes'] / 2**20:,.0f} MiB", "rows": rows, "unit": "\u00b5s"}


# ---- tables

def table(heads, rows, first_left=True):
    head = "".join(f"<th>{esc(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def tables(run):
    keys = ("begun", "acknowledged", "delivered", "refused", "lost", "bounced", "duplicated", "corrupted", "contradicted",
            "unanswered", "unfinished")
    parts = [card("What became of the messages", "acknowledged by the target, against what the sinks took",
                  table(("", "messages"), [(esc(k), number(run.get(k, 0))) for k in keys])),
             card("Latency by phase", "milliseconds", phase_table(run), wide=False)]
    reasons = [(f"{esc(r['stage'])} {r['code'] or ''} {esc(r['text'])}", number(r["count"])) for r in run.get("reasons", ())]
    reasons += [(esc(name), number(count)) for name, count in run.get("ends", {}).items() if count]
    if reasons:
        parts.append(card("Refusals, and connections that ended badly", "by kind", table(("", "count"), reasons), wide=True))
    return f'<div class="cards">{"".join(parts)}</div>'


def phase_table(run):
    rows = []
    for name, phase in run["phases"].items():
        if phase["count"]:
            rows.append((f'<span title="{esc(phase.get("what", ""))}">{esc(name)}</span>', number(phase["count"]),
                         *(f"{phase[key] / 1e3:.2f}" for key in ("p50_us", "p90_us", "p99_us", "p999_us", "max_us"))))
    return table(("", "count", "p50", "p90", "p99", "p99.9", "max"), rows)


def how(run):
    text = f"<details><summary>How it was done</summary><pre>{esc(' '.join(run.get('command', ())))}</pre>"
    text += f"<p>over {esc(run.get('net') or '')}, seed {run.get('seed')}, {esc(run.get('loop') or '')} loop</p>"
    if run.get("scenario_text"):
        text += f"<pre>{esc(run['scenario_text'])}</pre>"
    plain = {k: v for k, v in run.items() if k not in ("series", "scenario_text", "phases", "engine")}
    return text + f"<details><summary>The figures as JSON</summary><pre>{esc(json.dumps(plain, indent=1))}</pre></details></details>"
