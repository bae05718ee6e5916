"""The pages of the dashboard: one folder each, found by its name.

A folder holds ``__init__.py`` with ``PAGE``, the ``view.py`` that Streamlit runs when the address
names the folder, its ``queries`` and ``charts``, and further modules of this page alone. Pages do
not import each other. The folder is not called ``pages``: Streamlit would take it for its older
kind of pages, and the first visitor of a new server would reach the first page only.
"""
