"""Simulated nodes: kubelets, what becomes of their pods, and what those use."""
