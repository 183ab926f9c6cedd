"""Measures the trainers against other engines on real data."""
