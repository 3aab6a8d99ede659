"""Vectors, weights that are moved and put back, passes and steps, checks of arguments."""
