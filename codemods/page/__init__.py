"""The page for a browser: `data.py` says what is shown, `assets/` how. A report over many projects can reuse either."""

from codemods.page.data import page_data
from codemods.page.render import MARK, page_parts

__all__ = ["MARK", "page_data", "page_parts"]
