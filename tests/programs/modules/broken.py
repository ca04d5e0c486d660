"""Fails while it is imported."""
value = 1
raise ImportError(
    "broken on purpose"
)
