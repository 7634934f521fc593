"""What leaves the desk of a case."""
