"""A comparison as a section (filled in by weir-bench compare)."""
from svg import esc


def section(document):
    return f"<h1>{esc(document.get('scenario', 'comparison'))}</h1>"
