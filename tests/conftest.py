# SPDX-License-Identifier: Apache-2.0
"""What every test may count on.

- No test reaches the network: only loopback and sockets of the file system.
- The node's tests run on SQLite, or on PostgreSQL with --database=postgres.
- With VIGIE_NO_SKIP=1 (continuous integration) a skipped test fails, unless it was skipped for want of the shared data,
  which a clone need not have.
"""

import importlib
import ipaddress
import os
import shutil
import socket
import sys
from pathlib import Path

import django
import pytest

import databases

SHARED = Path(__file__).resolve().parents[2] / "shared"
NO_SHARED_DATA = "the shared data folder is not beside the repository"


class NetworkRefusedError(RuntimeError):
    """A test tried to leave the machine."""


def refuse_network(event, args):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        connection, address = args
        if connection.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address and address[0]):
            raise NetworkRefusedError(f"{event} to {address!r}: tests do not use the network")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"} and not _is_loopback(args[0]):
        raise NetworkRefusedError(f"{event} of {args[0]!r}: tests do not use the network")


def _is_loopback(host):
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


sys.addaudithook(refuse_network)


def pytest_addoption(parser):
    parser.addoption("--database", choices=databases.KINDS, default="sqlite", help="what the node's tests run on")


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # one of several processes of a run has what the first one made
        environment = databases.environment(config.getoption("database"))
        environment.__enter__()
        config.add_cleanup(lambda: environment.__exit__(None, None, None))
    django.setup()


def pytest_report_header(config):
    return f"database of the node: {config.getoption('database')}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix):
    """Keep the database of a test run in a file, where processes of the node meet it."""
    connection = importlib.import_module("django.db").connection  # once Django is set up
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "node.sqlite3")


@pytest.fixture(scope="session")
def shared():
    """The folder of sample data beside the repository: benign photographs and clips, read in place."""
    if not SHARED.is_dir():
        pytest.skip(NO_SHARED_DATA)
    return SHARED


@pytest.fixture(scope="session")
def chromium():
    """The browser that the page tests drive."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine: install it to run the page tests")
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _forbid_skip((yield))


def _forbid_skip(report):
    skipped = report.outcome == "skipped" and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("VIGIE_NO_SKIP") and NO_SHARED_DATA not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report
