"""The dashboard: pages over the published generation. ``main`` is the page, ``charts`` draws."""
