"""Plugins that only have a name here: nothing a scenario holds makes them refuse or score."""

from tests.oracle.framework import Plugin


class DynamicResources(Plugin):
    name = "DynamicResources"
    points = frozenset({"preEnqueue", "preFilter", "filter", "postFilter", "score"})


class DefaultPreemption(Plugin):
    name = "DefaultPreemption"
    points = frozenset({"preEnqueue", "postFilter"})


class DefaultBinder(Plugin):
    name = "DefaultBinder"


class GangScheduling(Plugin):
    name = "GangScheduling"
    points = frozenset({"preEnqueue"})
