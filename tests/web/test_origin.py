"""Which pages may open a socket, where no process is needed to ask; `tests/wire/test_origin.py` asks a real one."""

import pytest

from web.origin import is_welcome
from web.setting import ConfigError, read_settings


@pytest.mark.parametrize("told", [[], ["https://any.example"], ["null"], [""], ["a", "b"]])
def test_a_star_is_for_any_page_that_there_is(told):
    assert is_welcome(told, "chat.example", ("https://shop.example", "*"), secure=True)


def test_behind_tls_of_its_own_a_page_that_came_without_is_not_the_servers_own():
    """Whoever sits on the line can put words into a page that came over http."""
    assert is_welcome(["https://chat.example"], "chat.example", (), secure=True)
    assert not is_welcome(["http://chat.example"], "chat.example", (), secure=True)
    assert is_welcome(["http://chat.example"], "chat.example", ("http://chat.example",), secure=True)
    assert is_welcome(["http://chat.example"], "chat.example", (), secure=False)


def test_without_a_host_no_page_is_the_servers_own():
    for origin in ("", "http://", "https://", "null"):
        assert not is_welcome([origin], "", (), secure=False)


def test_an_origin_that_no_browser_ever_writes_is_refused_as_a_setting():
    """It would be listed and never match, and the operator would look for the mistake elsewhere."""
    for origin in ("https://中国.example", "https://straße.example", "https://shop\u3002example"):
        with pytest.raises(ConfigError, match="xn--"):
            read_settings({"origins": origin}, {})
