"""A server of the S3 protocol on loopback, in memory."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

START_S = 30
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "psst-key", "AWS_REGION": "us-east-1"}


class Bucket:
    """The service with one bucket in it."""

    def __init__(self, name="dibs"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.name = name
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    @contextmanager
    def running(self) -> Iterator["Bucket"]:
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def start(self):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while True:
            try:
                assert self.ask("PUT", f"/{self.name}")[0] == 200
            except ConnectionRefusedError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def ask(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def holds(self, prefix):
        """Whether anything is below it."""
        return "<Key>" in self.ask("GET", f"/{self.name}?list-type=2&prefix={prefix}")[1]
