"""Loads on a real server, each of which asserts the promise that it measures. `make bench` runs them.

They speak the public protocol through `web.client`, as an application in Python would, from a process of their own. What saturates a server
wants a leaner client than that; these ask how long people wait.
"""
