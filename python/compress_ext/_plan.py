"""What a Compressor is going to do, as a table."""

from collections.abc import Sequence

_LEFT_OUT = "left out: "
_NAMES_SHOWN = 3


class Plan:
    """Rows of (layer, method, action); ``str()`` is a table in which layers left out for one reason share a line."""

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self.rows = list(rows)

    def __str__(self) -> str:
        table = [("layer", "method", "action"), *self._lines()]
        widths = [max(len(row[column]) for row in table) for column in range(2)]
        lines = [f"{layer:<{widths[0]}}  {method:<{widths[1]}}  {action}" for layer, method, action in table]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])

    def _lines(self) -> list[tuple[str, str, str]]:
        lines: list[tuple[str, str, str]] = []
        groups: dict[tuple[str, str], list[str]] = {}
        for layer, method, action in self.rows:
            layer = layer or "(model)"
            if not action.startswith(_LEFT_OUT):
                lines.append((layer, method, action))
                continue
            if (method, action) not in groups:
                groups[method, action] = []
            groups[method, action].append(layer)
        return lines + [(_shortened(layers), *key) for key, layers in groups.items()]

    def _repr_markdown_(self) -> str:
        rows = [("layer", "method", "action"), ("---", "---", "---"), *self._lines()]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _shortened(layers: list[str]) -> str:
    more = len(layers) - _NAMES_SHOWN
    return ", ".join(layers[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
