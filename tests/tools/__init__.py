"""Measures and pictures, run by hand; CONTRIBUTING says how."""
