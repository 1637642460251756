"""A browser is a large thing to ask for: where there is none these tests are not part of the suite, except in CI, which brings one."""

import os

from tests.browser.chromium import program

collect_ignore_glob = [] if program() is not None or os.environ.get("CI") == "true" else ["test_*.py"]
