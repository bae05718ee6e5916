"""The dashboard: pages over the published generation.

``main`` starts it, ``page`` finds the pages. A page is a folder of ``views``; the modules beside
``views`` are what several pages share. Queries that the API runs too are in :mod:`app.queries`.
"""
