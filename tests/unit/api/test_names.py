"""What counts as a name."""

from collections.abc import Callable

import pytest

from stowage.api import names


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        pytest.param(
            names.is_label_value,
            ["", "a", "A_b.c-9", "x" * 63],
            ["-a", "a.", "a b", "x" * 64],
            id="label value",
        ),
        pytest.param(
            names.is_qualified,
            ["app", "app.kubernetes.io/name", "x/Y_z"],
            ["", "/a", "a/", "a/b/c", "A.b/c", "x" * 64],
            id="qualified",
        ),
        pytest.param(names.is_dns_label, ["a", "a-1"], ["", "A", "a.b", "-a", "x" * 64], id="namespace"),
        pytest.param(names.is_dns_subdomain, ["a", "a.b-c.d"], ["", "a..b", "a.", "A", "x" * 254], id="name"),
    ],
)
def test_names(check: Callable[[str], bool], good: list[str], bad: list[str]) -> None:
    assert [name for name in good if not check(name)] == []
    assert [name for name in bad if check(name)] == []


@pytest.mark.parametrize(
    ("resource", "extended", "scalar"),
    [
        pytest.param("cpu", False, False, id="native"),
        pytest.param("nvidia.com/gpu", True, True, id="extended"),
        pytest.param("hugepages-2Mi", False, True, id="huge pages"),
        pytest.param("kubernetes.io/batch", False, True, id="prefixed native"),
        pytest.param("sub.kubernetes.io/x", False, True, id="below kubernetes.io"),
        pytest.param("attachable-volumes-csi-x", False, True, id="attachable volumes"),
        pytest.param("requests.example.com/x", False, False, id="quota's name"),
        pytest.param("example.com/bad name", False, False, id="not a name"),
        pytest.param("unknown", False, False, id="unknown"),
    ],
)
def test_resources_have_classes(resource: str, extended: bool, scalar: bool) -> None:
    assert (names.is_extended(resource), names.is_scalar(resource)) == (extended, scalar)
