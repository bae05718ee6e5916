"""Many stores beside each other."""
