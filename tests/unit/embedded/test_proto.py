import contextlib
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from stowage.embedded import errors, schema
from stowage.embedded.http import proto

NUMBERS = {
    name: {field: number for number, field in kind.numbers.items()} for name, kind in schema.types().items()
}


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    made = b""
    while value >= 0x80:
        made += bytes([value & 0x7F | 0x80])
        value >>= 7
    return made + bytes([value])


def part(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + part(1, part(1, api_version) + part(2, kind)) + part(2, raw)


def fields(name: str, /, **values: Any) -> bytes:
    """A message of a struct by its fields' names; a list repeats its field."""
    made = b""
    for field, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            made += part(NUMBERS[name][field], each)
    return made


def test_a_pod_is_read() -> None:
    resources = fields("core.v1.ResourceRequirements", requests=part(1, "cpu") + part(2, part(1, "500m")))
    port = fields("core.v1.ContainerPort", containerPort=80, hostPort=0, protocol="TCP")
    container = fields("core.v1.Container", name="a", image="", resources=resources, ports=[port])
    claim = part(10, fields("core.v1.PersistentVolumeClaimVolumeSource", claimName="c"))
    volume = part(1, "v") + part(2, claim)
    spec = fields("core.v1.PodSpec", containers=[container], volumes=[volume], priority=-5, nodeName="")
    meta = fields(
        "meta.v1.ObjectMeta",
        name="p",
        labels=[part(1, "x") + part(2, "y"), part(1, "empty") + part(2, "")],
        creationTimestamp=b"",
        deletionTimestamp=part(1, 86400),
    )
    assert proto.decode(body("v1", "Pod", fields("core.v1.Pod", metadata=meta, spec=spec))) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "labels": {"x": "y", "empty": ""},
            "deletionTimestamp": "1970-01-02T00:00:00Z",
        },
        "spec": {
            "containers": [
                {
                    "name": "a",
                    "resources": {"requests": {"cpu": "500m"}},
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                }
            ],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
            "priority": -5,
        },
    }


def test_times_of_leases_have_microseconds_and_secrets_are_base64() -> None:
    spec = fields("coordination.v1.LeaseSpec", renewTime=part(1, 1) + part(2, 5000))
    lease = proto.decode(body("coordination.k8s.io/v1", "Lease", fields("coordination.v1.Lease", spec=spec)))
    assert lease["spec"] == {"renewTime": "1970-01-01T00:00:01.000005Z"}
    data = part(1, "k") + part(2, b"\xff")
    secret = proto.decode(body("v1", "Secret", fields("core.v1.Secret", data=data)))
    assert secret["data"] == {"k": "/w=="}


def test_options_of_a_deletion_keep_a_grace_period_of_zero() -> None:
    options = fields("meta.v1.DeleteOptions", gracePeriodSeconds=0, propagationPolicy="Foreground")
    assert proto.decode(body("v1", "DeleteOptions", options)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Foreground",
    }


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{}", id="no protobuf"),
        pytest.param(body("v1", "Nothing", b""), id="unknown kind"),
        pytest.param(body("v1", "Pod", b"\x0a\xff"), id="cut off"),
        pytest.param(body("v1", "Pod", b"\x0b"), id="group"),
        pytest.param(body("v1", "Pod", part(1, 3)), id="number for a message"),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(errors.ApiError) as caught:
        proto.decode(data)
    assert caught.value.code == 400


@hypothesis.given(strategies.binary(max_size=200))
def test_no_bytes_do_worse_than_a_bad_request(data: bytes) -> None:
    with contextlib.suppress(errors.ApiError):
        proto.decode(body("v1", "Pod", data))
