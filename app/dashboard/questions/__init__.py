"""What only pages of the dashboard ask of a generation, one module per page."""
