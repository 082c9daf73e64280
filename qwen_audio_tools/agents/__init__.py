"""What an agent does with audio: tools as plain functions, which every framework wraps thinly."""
