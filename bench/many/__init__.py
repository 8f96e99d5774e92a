"""Many networks, data beyond memory, several workers: ``python -m bench --many``."""
