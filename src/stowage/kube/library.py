"""kubernetes-asyncio's configuration module, imported without the rest of the package.

A plain import brings in the whole generated client: 1,220 modules and 73 MiB of RSS, of which
configuration needs twelve modules and 2 MiB (measured with 36.1). So its two outer packages stand in
empty while the configuration modules are imported, and leave `sys.modules` afterwards: whoever
imports kubernetes_asyncio later gets all of it, as always.
"""

import functools
import importlib
import importlib.util
import sys
import types
from typing import Any, NamedTuple

_NAME = "kubernetes_asyncio"


class Library(NamedTuple):
    """The modules that are used: `client.configuration`, `config.kube_config`, `config.incluster_config`."""

    configuration: Any
    kube_config: Any
    incluster_config: Any


@functools.cache
def load() -> Library:
    """Import the configuration modules, once."""
    if _NAME in sys.modules:
        return _import()
    spec = importlib.util.find_spec(_NAME)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {_NAME!r}", name=_NAME)
    folder = spec.submodule_search_locations[0]
    package = types.ModuleType(_NAME)
    package.__path__ = [folder]
    client = types.ModuleType(f"{_NAME}.client")
    client.__path__ = [f"{folder}/client"]
    sys.modules |= {_NAME: package, f"{_NAME}.client": client}
    try:
        # What `from kubernetes_asyncio.client import ApiClient, Configuration` is to find; the first is
        # needed only by functions that are not used here.
        setattr(client, "ApiClient", object)  # noqa: B010
        setattr(client, "Configuration", _module("client.configuration").Configuration)  # noqa: B010
        return _import()
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
            del sys.modules[name]


def _import() -> Library:
    _module("config.kube_config").logger.disabled = True  # what it logs it raises as well, or is seen by us
    return Library(
        _module("client.configuration"), _module("config.kube_config"), _module("config.incluster_config")
    )


def _module(name: str) -> Any:
    return importlib.import_module(f"{_NAME}.{name}")
