"""Limits that keep the API available: connections, requests, heavy work and unread answers.

``connections`` bounds what a network connection may hold, ``guard`` checks every request, ``lanes``
bounds heavy work, and ``answers`` bounds what callers have not read yet. ``shares`` divides a limit
among callers.
"""
