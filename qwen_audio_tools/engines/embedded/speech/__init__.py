"""What is said, and when: speech activity, and transcription by Whisper."""
