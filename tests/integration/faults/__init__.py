"""What becomes of pods when something fails: the scheduler, the API server, the way between, the clock.

Each case fills a cluster to the last millicore, lets something fail while pods are being bound, and then
looks at the API server's audit log, at a final list, and at what the scheduler says it knows (`checks`).
`test_checks.py` shows that each of the checks fails where the scheduler is broken on purpose (`altered`).
"""
