"""Benchmarks: real server processes on real PostgreSQL under open-loop load. Method and limits: bench/README.md."""
