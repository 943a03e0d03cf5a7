"""A report's sections as one Markdown or one HTML page.

Names of tensors and classes come from files that anyone may have written, so
every text is escaped; only plots go in as they are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from keras_mobilevit.markdown_tables import markdown_table

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto;
       padding: 0 1em; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
th, td {{ border-bottom: 1px solid #80808055; padding: .2em .8em .2em 0;
         text-align: left; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; }}
p {{ white-space: pre-line; }}
svg {{ width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


class Section(NamedTuple):
    """One part of a report.

    Attributes:
        title: Heading, plain text.
        text: Plain text, a paragraph a line.
        header: One title a column of the table.
        rows: One plain text a cell.
        plot: SVG element for the HTML page; Markdown leaves it out.
    """

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    plot: str = ""


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """Renders sections as Markdown: text and tables, no plots."""
    parts = [f"# {_line(title)}"]
    for section in sections:
        rows = [[_line(cell) for cell in row] for row in section.rows]
        parts += [
            f"## {_line(section.title)}",
            *map(_line, section.text.splitlines()),
            markdown_table([_line(cell) for cell in section.header], rows),
        ]
    return "\n\n".join(parts) + "\n"


def to_html(title: str, sections: Sequence[Section]) -> str:
    """Renders sections as an HTML page that needs no other file."""
    body = "\n".join(
        f"<h2>{html.escape(section.title)}</h2>\n"
        f"<p>{html.escape(section.text)}</p>\n"
        f"{section.plot}{_html_table(section.header, section.rows)}"
        for section in sections
    )
    return _PAGE.format(title=html.escape(title), body=body)


def _line(text):
    """One line of Markdown without any tag, link, code or end of a cell."""
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\|\[`])", r"\\\1", text)


def _html_table(header, rows):
    lines = [_html_row("th", header), *(_html_row("td", row) for row in rows)]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _html_row(tag, cells):
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"
