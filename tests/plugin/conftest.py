# SPDX-License-Identifier: Apache-2.0
"""What the tests of plugins share."""

import pytest

from hostdrive import Host


@pytest.fixture
def core(tmp_path):
    """A host of the built-in steps; the runbook's folder is tmp_path."""
    with Host(None, secrets={"token": "s3cret-value", "login": "ann:pa55word"},
              folder=tmp_path) as host:
        yield host
