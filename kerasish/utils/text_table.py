"""Tables of text in boxes, in the look of Keras's model summaries, without escape codes."""

import math
from collections.abc import Sequence

# Where a terminal or log file has no box characters, these take their place.
PLAIN = str.maketrans("┏┳┓┡╇┩├┼┤└┴┘━─┃│…", "++++++++++++=-||~")


def render(rows: Sequence[Sequence[str]], alignment: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of a table.

    Args:
        rows: cells; the first row is the header.
        alignment: "left", "right" or "center" for each column.
        widths: characters for each column, without borders and with the blank at each side.
    """

    def border(left: str, line: str, middle: str, right: str) -> str:
        return left + middle.join(line * width for width in widths) + right

    lines = [border("┏", "━", "┳", "┓")]
    for index, row in enumerate(rows):
        bar = "│" if index else "┃"
        cells = [wrap(cell, width - 2) for cell, width in zip(row, widths, strict=True)]
        height = max(map(len, cells))
        for number in range(height):
            # Headers stand at the bottom of their row, other cells at the top.
            places = [number - (0 if index else height - len(cell)) for cell in cells]
            parts = [cell[at] if 0 <= at < len(cell) else "" for cell, at in zip(cells, places, strict=True)]
            aligned = [_align(*part) for part in zip(parts, alignment, (width - 2 for width in widths), strict=True)]
            lines.append(bar + bar.join(f" {part} " for part in aligned) + bar)
        if index == 0:
            lines.append(border("┡", "━", "╇", "┩"))
        elif index < len(rows) - 1:
            lines.append(border("├", "─", "┼", "┤"))
    return [*lines, border("└", "─", "┴", "┘")]


def column_widths(wanted: Sequence[int], line_length: int) -> list[int]:
    """Return widths of columns, blanks included, that fill a line: the wanted ones, shrunk or stretched evenly.

    Args:
        wanted: characters for the text of each column.
        line_length: characters for the whole line, borders included.
    """
    widths = [width + 2 for width in wanted]
    room = line_length - (len(widths) + 1)
    excess, count = sum(widths) - room, len(widths)
    if excess > 0:
        for index, width in enumerate(widths):
            share = min(width, round(excess / (count - index)))
            widths[index] = width - share
            excess -= share
    elif excess < 0:
        missing, total = -excess, sum(widths)
        for index, width in enumerate(widths):
            share = math.ceil(width * missing / total)
            widths[index], missing, total = width + share, missing - share, total - width
    return widths


def wrap(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` characters, broken between words; longer words end in an ellipsis."""
    indent = len(text) - len(text.lstrip())
    lines, line = [], text[:indent]
    for word in text.split():
        if not line.strip():
            line += word
        elif len(line) + 1 + len(word) <= width:
            line += " " + word
        else:
            lines.append(line)
            line = word
    return [part if len(part) <= width else part[: max(width - 1, 0)] + "…" for part in [*lines, line]]


def _align(text: str, alignment: str, width: int) -> str:
    if alignment == "center":
        left = (width - len(text)) // 2
        return " " * left + text + " " * (width - len(text) - left)
    return text.rjust(width) if alignment == "right" else text.ljust(width)
