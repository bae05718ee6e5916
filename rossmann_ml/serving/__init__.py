"""What readers may use: contract, generations, status, what-if answers, request records."""
