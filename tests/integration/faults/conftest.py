"""One control plane with an audit log, for all tests of this folder that one process runs."""

from collections.abc import Iterator

import pytest

from tests import control_plane
from tests.integration.faults import harness


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    folder = tmp_path_factory.mktemp("controlplane")
    with control_plane.running(folder, flags=harness.flags(folder)) as started:
        yield started
