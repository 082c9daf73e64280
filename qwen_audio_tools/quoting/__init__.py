"""Which sentences of a transcript bear on a question: quoted, with their times, never rephrased."""
