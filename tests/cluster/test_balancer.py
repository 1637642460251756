"""Machines behind the balancer of the documents, one round of it."""

import pytest

from tests.cluster.balanced import balanced
from tests.cluster.balancer import why_no_balancer

pytestmark = pytest.mark.anyio


async def test_clients_go_through_the_balancer_to_machines_that_die_and_drain(tmp_path_factory):
    if reason := why_no_balancer():
        pytest.skip(reason)
    figures = await balanced(1, tmp_path_factory.mktemp("b"))  # short: there are sockets in it
    assert not figures.faults
    assert figures.acked
