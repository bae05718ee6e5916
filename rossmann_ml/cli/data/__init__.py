"""Commands of ``rossmann data``: status, land, withdraw, sample, next-week, fetch, export."""
