"""Loads on a real server, each of which asserts the promise that it measures. `make bench` runs them, `README.md` has them all.

bench (this process: starts the server, asks, reports)
  |-- dibs serve, and its Valkey, on a core of their own
  `-- bench.load (another process: `play` of a bench, over `Line`s) --public protocol--> dibs
"""
