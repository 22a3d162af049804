"""Numbers and tables as Markdown, and Markdown as one page of HTML that needs no network."""

import base64
import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence

from markdown_it import MarkdownIt

NONE = "–"
_STYLE = """
body { font: 16px/1.5 system-ui, "Noto Sans SC", sans-serif; color: #222; background: #fff;
  max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; margin: 2rem 0 .6rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ddd; }
td[style*=right], td:first-child { white-space: nowrap; }
th { border-bottom: 2px solid #888; vertical-align: bottom; }
tbody tr:hover { background: #f3f6fa; }
code { font-size: .9em; }
img { max-width: 100%; }
"""


def number(value: float, digits: int = 3) -> str:
    """Return a score as it is printed in a table: no leading zero, a dash for none.

    Example:
        >>> number(0.8571), number(1), number(-0.02), number(float("nan"))
        ('.857', '1.000', '−.020', '–')
    """
    if value is None or math.isnan(value):
        return NONE
    text = f"{abs(value):.{digits}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + text.removeprefix("0")


def spread(mean: float, deviation: float) -> str:
    """Return ``mean ± standard deviation``, the mean alone where there is only one value.

    Example:
        >>> spread(0.8571, 0.0042), spread(0.8571, float("nan"))
        ('.857 ± .004', '.857')
    """
    return number(mean) + ("" if math.isnan(deviation) else f" ± {number(deviation)}")


def interval(difference: float, low: float, high: float) -> str:
    """Return a difference with its sign and interval.

    Example:
        >>> interval(0.0123, -0.001, 0.025)
        '+.012 [−.001, +.025]'
    """
    return f"{signed(difference)} [{signed(low)}, {signed(high)}]"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    text = number(value)
    return text if text.startswith("−") or not float(text) else "+" + text


def p_value(value: float) -> str:
    """Return a p-value with two digits.

    Example:
        >>> p_value(0.0312), p_value(0.5), p_value(2e-9)
        ('.031', '.50', '< .001')
    """
    if math.isnan(value):
        return NONE
    return "< .001" if value < 0.001 else number(value, 3 if value < 0.1 else 2)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is, such as a label."""
    return " ".join(re.sub(r"([\\|*`\[\]<_])", r"\\\1", text).split())


def code(name: str) -> str:
    """Return a name set as code, as far as a table can hold it."""
    return f"`{name}`" if not set(name) & set("`|") else escape(name)


def bold_best(values: Sequence[float], texts: Sequence[str], shown: int = 3) -> list[str]:
    """Return the texts with that of the highest value in bold, ties as they are printed.

    Example:
        >>> bold_best([0.5, 0.7, float("nan")], [".500", ".700", "–"])
        ['.500', '**.700**', '–']
    """
    known = [round(value, shown) for value in values if not math.isnan(value)]
    if len(known) < 2:
        return list(texts)
    return [
        f"**{text}**" if round(value, shown) == max(known) else text
        for value, text in zip(values, texts, strict=True)
    ]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Return a table whose first columns, ``texts`` of them, stand to the left.

    Example:
        >>> print(table(["loss", "F1"], [["dice", ".5"]]))
        | loss | F1 |
        |:-|-:|
        | dice | .5 |
    """
    rule = "|".join(":-" if place < texts else "-:" for place in range(len(headings)))
    lines = [f"| {' | '.join(row)} |" for row in (headings, *rows)]
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]])


def page(title: str, markdown: str, pictures: Mapping[str, str]) -> str:
    """Return an HTML page with everything inside.

    Args:
        title: of the page.
        markdown: its text.
        pictures: file name to SVG, of the images that the text names.
    """
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = body.replace("<table>", '<div class="table"><table>')
    body = body.replace("</table>", "</table></div>")
    for name, svg in pictures.items():
        data = base64.b64encode(svg.encode()).decode()
        body = body.replace(f'src="{html.escape(name)}"', f'src="data:image/svg+xml;base64,{data}"')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}</body>\n</html>\n"
    )
