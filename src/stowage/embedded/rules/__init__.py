"""What the API server refuses in the objects a scheduler relies on: rules by concept.

Fields, reasons and texts are kube-apiserver 1.36's (pkg/apis/*/validation); every fault is told, not the
first only. What may not change in an update is not decided here.
"""
