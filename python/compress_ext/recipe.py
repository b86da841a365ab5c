"""Recipes: what is done to a network, as a value. docs/recipe.md explains methods, docs/config.md lists the keys."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from compress_ext import _C
from compress_ext._C import Recipe
from compress_ext.errors import UsageError

__all__ = ["Recipe", "load"]


def load(recipe: Recipe | Mapping | Sequence | str | os.PathLike) -> Recipe:
    """A recipe from whatever says it: a ``Recipe``, a list of methods, a dict with the key ``compression``, or the path
    of a YAML file (a recipe of its own or a whole config, whose ``compression`` block is taken).

    Raises UsageError of one line: where it was written, the key's path, what is wrong, what is allowed, the nearest
    key.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, (str, os.PathLike)):
        path = Path(recipe)
        if not path.is_file():
            raise UsageError(
                f"recipe: no such file: '{path}'; give a list of methods, a dict or the path of a YAML file"
            )
        return _C.parse_recipe(path.read_text(), str(path))
    return _C.parse_recipe(dict(recipe) if isinstance(recipe, Mapping) else list(recipe), "recipe")
