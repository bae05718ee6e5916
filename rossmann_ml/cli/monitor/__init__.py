"""``rossmann monitor``: drift and accuracy in the terminal."""
