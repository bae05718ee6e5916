"""Command ``rossmann monitor``: measure and print accuracy and drift."""
