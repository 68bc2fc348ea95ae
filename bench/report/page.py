"""The page: one document out of the JSON of runs and comparisons."""
import compare_part
import run_part
import steps_part
import style
from svg import esc


def make(documents):
    comparisons = [d for d in documents if "systems" in d]
    runs = [d for d in documents if "phases" in d]
    parts = [compare_part.section(d) for d in comparisons]
    parts += [run_part.section(d, alone=len(documents) == 1) for d in runs]
    parts += [steps_part.section(d) for d in documents if "steps" in d]
    first = documents[0]
    title = first.get("scenario") or "run"
    if comparisons:
        title = "comparison"
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>weir-bench: {esc(title)}</title><style>{style.CSS}</style></head>\n<body><main>"
            + "\n".join(parts) + footer(first) + "</main></body></html>\n")


def footer(document):
    where = ", ".join(str(document[key]) for key in ("cpu", "system") if document.get(key))
    cores = f"{document['cores']} cores, " if document.get("cores") else ""
    return (f"<footer>weir-bench {esc(document.get('version') or '')} "
            f"{esc((document.get('commit') or '')[:12])} &middot; {esc(document.get('when') or '')} "
            f"&middot; {esc(cores + where)}</footer>")
