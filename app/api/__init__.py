"""HTTP API that reads the published generation and changes nothing.

``main`` builds the application, and ``routers`` has one module per resource. ``schemas`` defines
request and response bodies, ``problems`` error responses, ``dependencies`` shared parameters.
``bounds`` has the limits, ``records`` logs and metrics.
"""
