"""What config.yaml may say: the models of its sections, and how a file is read into them."""
