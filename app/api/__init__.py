"""The HTTP API: read-only answers from the published generation.

``main`` puts the application together, ``routers`` mirror the resources, ``schemas`` say what an
answer looks like, ``problems`` what a refusal looks like, ``dependencies`` what every request gets.
"""
