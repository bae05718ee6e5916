"""Dashboard whose pages show the published generation.

``main`` starts it, and ``page`` finds the pages. Each page is a folder in ``views``; the modules
next to ``views`` are shared by all pages. Queries that the API also runs are in :mod:`app.queries`.
"""
