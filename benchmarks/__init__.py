"""Speed and memory against named peers; see README.md."""
