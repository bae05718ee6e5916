"""The dashboard: pages over the published generation.

``main`` is the door, ``views`` the pages, ``questions`` what only they ask of a generation,
``charts`` what they draw. ``frame``, ``choices``, ``words`` and ``theme`` are what pages share.
"""
