"""This project timed against its peers and against the machine's limit: `make bench` writes REPORT.md."""
