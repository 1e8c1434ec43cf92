"""One file per room: read, call an action, render."""

import importlib
import pkgutil
from functools import lru_cache


@lru_cache(maxsize=1)
def load_pages() -> None:
    """Import every page file once; each declares its routes with `web.site.page`."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
