"""Pages of the dashboard, one folder each.

Each folder has an ``__init__.py`` that defines ``PAGE``, a ``view.py`` that shows the page, and
modules that only this page uses. Streamlit runs ``view.py`` if the address names the folder. Pages
do not import each other. This folder is not named ``pages``, because Streamlit handles a folder of
that name itself: the first visitor after a start of the server could open only the first page.
"""
