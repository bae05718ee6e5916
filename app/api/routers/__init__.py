"""One module per resource; tests mirror them."""
