# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: the program in a world of its own for each test, one lab for
the session, and fresh ones for who needs them."""

import os
import shutil
import tempfile

import pytest
from cutkit import Cutover
from labkit import Lab

# Short, so that no test waits for minutes until an old DNS answer has died.
TTL_SECONDS = 3


@pytest.fixture(scope="session")
def lab_folder():
    """Makes folders that the database's own user may enter, which pytest's tmp_path is not."""
    made = []

    def make():
        folder = tempfile.mkdtemp(prefix="cutover-lab.")
        os.chmod(folder, 0o755)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        Lab(folder).down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def running_lab(lab_folder):
    lab = Lab(lab_folder())
    lab.up("--ttl", TTL_SECONDS)
    return lab


@pytest.fixture
def lab(running_lab):
    """The session's lab, as if it had just been started."""
    yield running_lab
    running_lab.reset()


@pytest.fixture
def new_lab(lab_folder):
    """A lab of the test's own, not yet up."""
    return Lab(lab_folder())


@pytest.fixture
def cutover():
    world = Cutover()
    yield world
    world.close()
