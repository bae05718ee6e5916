"""Give readers access to published data: contract, generations, status, what-if, report files."""
