"""What sentences mean: the multilingual sentence encoder."""
