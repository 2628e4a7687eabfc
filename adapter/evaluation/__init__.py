"""Metrics of fidelity, diversity and consistency."""
