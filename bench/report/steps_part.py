"""What single steps cost, as a table (weir-bench micro --json)."""
from svg import esc


def time(ns):
    return f"{ns / 1000:,.1f} \u00b5s" if ns >= 10000 else f"{ns:,.1f} ns"


def section(document):
    rows = "".join(
        f"<tr><td>{esc(s['name'])}<br><span class=\"soft\">{esc(s['what'])}</span></td><td>a {esc(s['unit'])}</td>"
        f"<td>{time(s['least_ns'])}</td><td>{time(s['median_ns'])}</td><td>{s['cycles']:,.0f}</td>"
        f"<td>{format(s['instructions'], ',.0f') if s['instructions'] else '&ndash;'}</td></tr>"
        for s in document["steps"])
    by = {s.get("instructions_by") for s in document["steps"]} - {None}
    return (f"<h2>Single steps</h2><p class=\"soft\">Least and median of {document['rounds']} rounds; "
            f"{esc(document['cycles_are'])}; instructions by {esc(', '.join(sorted(by)) or 'nothing')}.</p>"
            f'<div class="card scroll"><table><thead><tr><th></th><th>operation</th><th>least</th><th>median</th><th>cycles</th>'
            f"<th>instructions</th></tr></thead><tbody>{rows}</tbody></table></div>")
