"""What the layers of a convolutional network respond to."""
