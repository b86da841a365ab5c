"""The two exceptions of compress_ext. Operators raise what torch's operators raise (RuntimeError)."""


class Error(RuntimeError):
    """A failure, with a one-line message: what is wrong, what was got, what is allowed, the fix."""


class UsageError(Error, ValueError):
    """The caller asked for something that cannot be: an unknown name, a value out of range, a wrong combination."""
