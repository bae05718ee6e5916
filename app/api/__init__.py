"""HTTP API with read-only answers from the published generation.

``main`` builds the application, ``routers`` has a module per resource, ``schemas`` defines answers,
``problems`` defines error answers, ``dependencies`` defines what requests share.
"""
