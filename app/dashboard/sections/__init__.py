"""Parts of pages that are a subject of their own; a page of ``views`` puts them together."""
