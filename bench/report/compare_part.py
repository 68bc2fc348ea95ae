"""A comparison as a section: the table, CPU a message as bars, delays as dots on one axis."""
import html
import re

from svg import Log, WIDTH, esc, number

COLUMNS = (("rate", "messages/s<br>saturated", 1, 0), ("cpu_us", "CPU \u00b5s<br>a message", 1, 0),
           ("ratio", "ratio to<br>generator", 1, 2), ("p50_us", "p50 ms<br>at half", 1e3, 1),
           ("p99_us", "p99 ms<br>at half", 1e3, 1), ("idle_bytes", "KiB, idle<br>connection", 1024, 1),
           ("generator_us", "generator<br>\u00b5s", 1, 0), ("generator_busy_percent", "generator<br>busy", 1, 0))
ROW, LABEL = 34, 170
LATE_MS = 15


def section(document):
    systems = [s for s in document["systems"] if s.get("summary")]
    name = document.get("scenario", "")
    return (f"<h1>weir beside others</h1><p class=\"lead\">The scenario <b>{esc(name)}</b>, in turns on the same cores: one for "
            f"the system, one for the generator with its sinks. {document['rounds']} rounds of {document['seconds']:g} s; "
            "medians, with the spread from the least to the most.</p>" + table(document["systems"])
            + '<div class="cards">' + card("CPU a message", "\u00b5s of the whole process tree, kernel included; the "
                                           "line shows the spread", bars(systems))
            + card("Delay at half load", "from when a message was due to its 250, ms; dot: p50, ring: p99", dots(systems))
            + "</div>" + notes(document))


def card(title, note, body):
    return f'<section class="card"><h3>{esc(title)}</h3><p>{esc(note)}</p>{body}</section>'


def table(systems):
    head = '<th></th>' + "".join(f"<th>{text}</th>" for _, text, _, _ in COLUMNS)
    rows = []
    for s in systems:
        style = ' class="us"' if s["name"].startswith("weir") else ""
        if not s.get("summary"):
            fault = (s.get("fault") or "not measured").splitlines()[0]
            rows.append(f'<tr{style}><td>{esc(s["title"])}</td><td class="left" colspan="{len(COLUMNS)}">{esc(fault)}</td></tr>')
            continue
        cells = "".join(f"<td>{cell(s['summary'], key, scale, decimals)}</td>" for key, _, scale, decimals in COLUMNS)
        mark = "" if s["summary"]["valid"] else " *"
        rows.append(f'<tr{style}><td>{esc(s["title"])}{mark}<br><span class="soft">{esc(s["note"])}</span></td>{cells}</tr>')
    return (f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
            '<p class="soft">* the generator was over 80 % busy: the rate is the least that the system can do, not its most. '
            "What one core could carry follows from its CPU time: 1 000 000 / \u00b5s. The ratio compares the system's CPU "
            "with that of generator and sinks in the same run, which cancels what the machine does meanwhile; on memif "
            "they stand on weir's own stack, else on kernel TCP.</p>")


def cell(summary, key, scale, decimals):
    if key not in summary or (key in ("cpu_us", "ratio") and summary[key]["median"] == 0):
        return "&ndash;"
    value, least, most = (summary[key][part] / scale for part in ("median", "least", "most"))
    text = f"{value:,.{decimals}f}".replace(",", "\u202f")
    if most > least:
        text += f'<br><span class="soft">{least:,.{decimals}f}&ndash;{most:,.{decimals}f}</span>'.replace(",", "\u202f")
    return text


def bars(systems):
    rows = [s for s in systems if s["summary"]["cpu_us"]["median"] > 0]
    most = max((s["summary"]["cpu_us"]["most"] for s in rows), default=1)
    room = WIDTH - LABEL - 70
    parts = []
    for i, s in enumerate(rows):
        y, cpu = i * ROW + 6, s["summary"]["cpu_us"]
        width = room * cpu["median"] / most
        x1, x2 = (LABEL + room * cpu[part] / most for part in ("least", "most"))
        ours = "c0" if s["name"].startswith("weir") else "c7"
        parts.append(label(s, y) + f'<rect class="{ours}" x="{LABEL}" y="{y}" width="{width:.1f}" height="20" rx="3"/>'
                     f'<line class="axis" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y + 10}" y2="{y + 10}"/>'
                     f'<text x="{max(x2, LABEL + width) + 6:.1f}" y="{y + 14}">{number(cpu["median"])}</text>')
    return picture("CPU a message", len(rows), parts)


def dots(systems):
    rows = [s for s in systems if "p50_us" in s["summary"]]
    values = [s["summary"][key]["median"] / 1e3 for s in rows for key in ("p50_us", "p99_us")]
    if not values:
        return "<p>not measured</p>"
    axis = Log(min(values + [LATE_MS]), max(values + [LATE_MS]))
    room = WIDTH - LABEL - 20
    parts = []
    for value, text in axis.ticks():
        x = LABEL + room * axis.place(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{len(rows) * ROW}"/>'
                     f'<text x="{x:.1f}" y="{len(rows) * ROW + 14}" text-anchor="middle">{esc(text)}</text>')
    late = LABEL + room * axis.place(LATE_MS)
    parts.append(f'<line class="rule" x1="{late:.1f}" x2="{late:.1f}" y1="0" y2="{len(rows) * ROW}"/>')
    for i, s in enumerate(rows):
        y = i * ROW + 16
        x1, x2 = (LABEL + room * axis.place(s["summary"][key]["median"] / 1e3) for key in ("p50_us", "p99_us"))
        colour = "var(--c0)" if s["name"].startswith("weir") else "var(--c7)"
        parts.append(label(s, y - 10) + f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
                     f'<circle cx="{x1:.1f}" cy="{y}" r="5" fill="{colour}"/><circle cx="{x2:.1f}" cy="{y}" r="5" '
                     f'fill="var(--card)" stroke="{colour}" stroke-width="2"/>')
    return picture("delay at half load", len(rows), parts, 20)


def label(system, y):
    return f'<text x="{LABEL - 10}" y="{y + 14}" text-anchor="end">{esc(system["title"])}</text>'


def picture(title, rows, parts, extra=4):
    return (f'<svg class="plot" viewBox="0 0 {WIDTH} {rows * ROW + extra}" role="img" aria-label="{esc(title)}">'
            f'<title>{esc(title)}</title>{"".join(parts)}</svg>')


def notes(document):
    versions = "; ".join(re.sub(r"\s+", " ", str(v)) for v in (document.get("versions") or {}).values() if v)
    return (f"<details><summary>How it was done</summary><pre>{html.escape(' '.join(document.get('command', ())))}</pre>"
            f"<p>{esc(versions)}; commit {esc(document.get('commit') or 'unknown')}. The peers' configurations are in "
            "bench/peers.</p></details>")
