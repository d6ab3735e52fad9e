"""Fairlead: a leaderboard of LLM inference providers that its own rivals can trust."""

__version__ = "0.1.0"
