"""An upgrade and the way back, one round of it."""

import pytest

from tests.cluster.upgrade import upgraded

pytestmark = pytest.mark.anyio


async def test_nodes_of_the_first_layout_and_of_the_next_version_serve_one_mall_side_by_side(tmp_path_factory):
    figures = await upgraded(1, tmp_path_factory.mktemp("u"))  # short: there are sockets in it
    assert not figures.faults
    assert figures.acked
