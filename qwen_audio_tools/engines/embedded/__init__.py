"""The offline cascade: small models whose weights come in packages of the ordinary registry."""

import os

# Read once by the OpenMP runtime when the first model library loads, so it must be set before.
# Without it, threads that wait spin, and two of them on one busy core are twenty times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
