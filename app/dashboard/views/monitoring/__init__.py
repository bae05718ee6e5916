"""What came of the forecasts, and how the product runs."""
