"""Text on the terminal: characters that every terminal, pipe and log can show, and no control."""
