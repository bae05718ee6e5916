"""The pages of the dashboard, one folder each.

A folder has ``__init__.py`` with ``PAGE``, ``view.py``, which Streamlit runs when the address names
the folder, and modules of this page only. Pages do not import each other. The folder is not named
``pages``, because Streamlit would read it as its older kind of pages, and the first visitor of a
new server could open the first page only.
"""
