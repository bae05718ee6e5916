"""How good a recipe is: backtests at past origins, their store, scores and comparisons."""
