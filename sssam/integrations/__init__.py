"""Trainers that people already have, each in a module of its own that alone imports it."""
