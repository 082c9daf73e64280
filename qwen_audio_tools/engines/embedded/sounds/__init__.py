"""What sounds: YAMNet and the AudioSet classes."""
