# SPDX-License-Identifier: Apache-2.0
"""Faces of the node and its worker as processes of their own, on the database of the test."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from django.db import connection

import databases
from vigie_node.project.faces import Face

SECONDS = 30


@contextlib.contextmanager
def serving(face, **environment):
    """Start a face and yield its address; what it wrote is shown when it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    own = {
        "VIGIE_DATABASE_URL": databases.url(connection),
        f"VIGIE_{face.upper()}_ADDRESS": address,
    }
    with tempfile.TemporaryFile("w+") as log:
        process = _start(face, log, **(own | environment))
        try:
            _wait_until_ready(process, port, log)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(SECONDS)


@contextlib.contextmanager
def working():
    """Run the node's worker meanwhile; what it wrote is shown when it ended by itself."""
    with tempfile.TemporaryFile("w+") as log:
        process = _start(Face.WORKER, log, VIGIE_DATABASE_URL=databases.url(connection))
        try:
            yield
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(log.read())
        finally:
            process.terminate()
            process.wait(SECONDS)


def _start(face, log, **own):
    command = [Path(sys.executable).with_name("vigie-node"), "serve", face.value]
    return subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)


def _wait_until_ready(process, port, log):
    until = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        if process.poll() is not None or time.monotonic() > until:
            log.seek(0)
            raise RuntimeError(log.read())
        time.sleep(0.05)
