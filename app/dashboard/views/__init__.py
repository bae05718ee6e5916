"""Pages of the dashboard, one folder each.

A folder has ``__init__.py`` with ``PAGE``, modules that only this page uses, and ``view.py``.
Streamlit runs ``view.py`` when the address names the folder. Pages do not import each other. The
folder of all pages is not named ``pages``, because Streamlit gives that name a meaning of its own:
the first visitor of a new server could open only the first page.
"""
