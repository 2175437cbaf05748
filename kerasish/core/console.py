"""Messages for people: to standard output, or to the `logging` module where interactive logging is disabled."""

import logging
import sys
from typing import Protocol

from kerasish.core import config

_logger = logging.getLogger("kerasish")


class LiveLine(Protocol):
    """A line that is rewritten in place, such as a progress bar."""

    def clear(self) -> None:
        """Take the line off the screen."""

    def refresh(self) -> None:
        """Put the line back."""


# The lines now on the screen; a message is printed above them.
_live_lines: list[LiveLine] = []


def print_message(message: object) -> None:
    """Show `message` on a line of its own, above any progress bar.

    Where interactive logging is disabled it goes to the logger "kerasish" with level INFO.
    """
    text = str(message)
    if not config.is_interactive_logging_enabled():
        _logger.info(text)
        return
    for line in _live_lines:
        line.clear()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding) + "\n")
    sys.stdout.flush()
    for line in _live_lines:
        line.refresh()


def show_live(line: LiveLine) -> None:
    """Remember `line` as being on the screen."""
    _live_lines.append(line)


def hide_live(line: LiveLine) -> None:
    """Forget `line`."""
    if line in _live_lines:
        _live_lines.remove(line)


def can_rewrite_lines() -> bool:
    """Return whether standard output can show a line that is rewritten in place: a terminal or a notebook."""
    isatty = getattr(sys.stdout, "isatty", None)
    return config.is_interactive_logging_enabled() and (bool(isatty and isatty()) or "ipykernel" in sys.modules)


def can_show(text: str) -> bool:
    """Return whether the encoding of standard output has all characters of `text`."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
