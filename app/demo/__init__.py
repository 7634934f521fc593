"""What a presenter shows."""
