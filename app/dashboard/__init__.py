"""The dashboard: pages that show the published generation.

``main`` starts it, and ``page`` finds the pages. Each page is a folder of ``views``. Pages share
the modules next to ``views``. Queries that the API also runs are in :mod:`app.queries`.
"""
