"""Invented submissions, honest and not, to try our own detectors on. Knows no real provider."""
