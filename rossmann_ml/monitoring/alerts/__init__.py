"""Find conditions that need a person, record them as alerts, and send them."""
