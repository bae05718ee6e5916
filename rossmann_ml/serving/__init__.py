"""Published data for readers: contract, generations, status, what-if answers, report files."""
