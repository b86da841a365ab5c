"""Lines of user code: what a candidate's training loop has beyond the float loop."""

import inspect
import io
import textwrap
import tokenize

from benchmarks.candidates import plain


def code_lines(function) -> int:
    """Lines of the function's body that hold code: no comments, documentation or blank lines."""
    source = textwrap.dedent(inspect.getsource(function))
    lines = set()
    statement_begins = True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            statement_begins = True
        elif token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER):
            if not (token.type == tokenize.STRING and statement_begins):  # a docstring
                lines.update(range(token.start[0], token.end[0] + 1))
            statement_begins = False
    return len(lines) - 1  # without `def`


def lines_beyond_float(train) -> int:
    return code_lines(train) - code_lines(plain.train)
