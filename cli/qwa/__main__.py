"""`python -m qwa`."""

from qwa.app import main

main()
