"""A comparison as text and as a document: medians with their spread, one row a system."""
import statistics

COLUMNS = (("rate", "messages/s", 0), ("cpu_us", "CPU us", 0), ("ratio", "ratio", 2), ("p50_us", "p50 ms", 1),
           ("p99_us", "p99 ms", 1), ("idle_bytes", "KiB idle", 1), ("generator_us", "gen. us", 0),
           ("generator_busy_percent", "gen. busy", 0))
SCALE = {"p50_us": 1e3, "p99_us": 1e3, "idle_bytes": 1024}


def summary(rounds):
    """key -> median, least, most over the rounds that have it."""
    found = {}
    for key in [key for key, _, _ in COLUMNS] + ["kernel_us", "p999_us"]:
        values = [r[key] for r in rounds if r.get(key) is not None]
        if values:
            found[key] = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    found["valid"] = all(r.get("valid", True) for r in rounds)
    found["accounted"] = all(r.get("accounted", True) for r in rounds)
    return found


def cell(summed, key, decimals):
    if key not in summed:
        return "-"
    scale = SCALE.get(key, 1)
    value = summed[key]["median"] / scale
    spread = (summed[key]["most"] - summed[key]["least"]) / 2 / scale
    text = f"{value:,.{decimals}f}"
    return f"{text} ±{spread:,.{decimals}f}" if summed[key]["most"] > summed[key]["least"] else text


def text(document):
    lines = ["", f"{'':26}" + "".join(f"{head:>16}" for _, head, _ in COLUMNS)]
    for system in document["systems"]:
        summed = system["summary"]
        if not summed:
            lines.append(f"{system['title']:26}  {(system.get('fault') or 'not measured').splitlines()[0]}")
            continue
        row = "".join(f"{cell(summed, key, decimals):>16}" for key, _, decimals in COLUMNS)
        marks = ("" if summed["valid"] else "  *") + ("" if summed["accounted"] else "  NOT ACCOUNTED FOR")
        lines.append(f"{system['title']:26}{row}{marks}")
    lines += ["", "Medians of the rounds, ± half of their spread. messages/s: closed loop, one core for the system. CPU us: of",
              "the system, a message. ratio: that over the CPU of generator and sink in the same run. p50, p99: to the",
              "250, at half of that rate, from when a message was due. KiB idle: memory of an idle TLS connection.",
              "* the generator was over 80 % busy: messages/s is the least that the system can do, not its most; its CPU",
              "  time says what one core could carry: 1 000 000 / CPU us."]
    return "\n".join(lines)
