"""Measuring, from the prompt to the sealed window. Knows nothing of claims, verdicts or ranks."""
