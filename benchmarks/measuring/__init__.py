"""What the benchmarks share: machine, intervals, children, made speech, and each measurement."""
