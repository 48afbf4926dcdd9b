"""What Kubernetes accepts as a label key, a label value or the name of an extended resource.

`stowage.api.names` says yes or no; here are the texts, those of apimachinery's `content.IsLabelKey` and
`IsLabelValue` and of `IsExtendedResourceName`, 1.36.
"""

from __future__ import annotations

import re
from typing import Final

from stowage.api import names

_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_NAME_RULE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    f" character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'example.com',"
    f" regex used for validation is '{_SUBDOMAIN}')"
)
_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345',"
    f" regex used for validation is '({_NAME})?')"
)
_PREFIX_RULE: Final = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_LONGEST_NAME: Final = 63
_LONGEST_SUBDOMAIN: Final = 253


def label_key(key: str) -> list[str]:
    """What is wrong with a label key (also: a qualified name); empty where nothing is."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [f"a valid label key {_NAME_RULE} {_PREFIX_RULE}"]
    faults = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        if len(prefix.encode()) > _LONGEST_SUBDOMAIN:
            faults.append(f"prefix part must be no more than {_LONGEST_SUBDOMAIN} bytes")
        if not re.fullmatch(_SUBDOMAIN, prefix):
            faults.append(f"prefix part {_SUBDOMAIN_RULE}")
    if not name:
        faults.append("name part must be non-empty")
    elif len(name.encode()) > _LONGEST_NAME:
        faults.append(f"name part must be no more than {_LONGEST_NAME} bytes")
    if not re.fullmatch(_NAME, name):
        faults.append(f"name part {_NAME_RULE}")
    return faults


def label_value(value: str) -> list[str]:
    """What is wrong with a label value; empty where nothing is."""
    faults = []
    if len(value.encode()) > _LONGEST_NAME:
        faults.append(f"must be no more than {_LONGEST_NAME} bytes")
    if value and not re.fullmatch(_NAME, value):
        faults.append(_VALUE_RULE)
    return faults


def extended_resource(name: str) -> list[str]:
    """What is wrong with the name of an extended resource; empty where nothing is."""
    if faults := label_key(name):
        return faults
    return [] if names.is_extended(name) else ["is an invalid extended resource name"]
