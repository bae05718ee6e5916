"""From panels to a champion: fits, tuning, the gate, MLflow, model records and cards."""
