"""``rossmann sql``: questions to a published generation."""
