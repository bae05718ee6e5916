"""``rossmann validate``: the checks alone."""
