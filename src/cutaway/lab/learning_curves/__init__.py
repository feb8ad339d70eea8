"""What more data does for a network and for other models."""
