"""The reference backends."""
