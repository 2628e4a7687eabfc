"""Measures methods against ground truth: the evaluation loop in `runner`, its metrics, tables and figures."""
