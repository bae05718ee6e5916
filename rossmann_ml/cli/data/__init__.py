"""Commands of ``rossmann data``: status, land, sample, fetch, export."""
