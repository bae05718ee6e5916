"""Commands of ``rossmann data``: status, land, withdraw, sample, fetch, export."""
