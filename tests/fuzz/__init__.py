"""Random scenarios, the real kube-scheduler's answers to them beside ours, and the smallest case of each
difference. `python -m tests.fuzz --help`.
"""
