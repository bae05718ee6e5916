"""Alerts: rules, their findings, and delivery."""
