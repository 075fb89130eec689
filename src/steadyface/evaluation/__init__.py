"""Evaluation: dataset layout x pipeline -> decisions and metrics -> JSON, CSV and plots."""
