"""What holds for every test: asyncio is the loop, and where CI=true a skipped test fails the run."""

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.storage.below import named

# The time a draw takes says more about the machine than about the test; and in CI the same commit tries the same examples.
settings.register_profile("dibs", deadline=None, derandomize=os.environ.get("CI") == "true", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dibs")


def pytest_configure():
    try:
        named()
    except LookupError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header():
    return f"dibs on {named()} over TCP, wherever a test does not want its private server" if named() else None


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    """A developer's own DIBS_ variables say nothing about the code."""
    for name in [name for name in os.environ if name.startswith("DIBS_")]:
        monkeypatch.delenv(name)


def pytest_sessionfinish(session, exitstatus):
    """A skip is a promise that nobody looked at: not where the result decides about a merge."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped") and exitstatus == pytest.ExitCode.OK:
        reporter.write_line("tests were skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
