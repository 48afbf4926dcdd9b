"""HTTPS for whoever has something to serve: a certificate, a socket, uvicorn in the caller's event loop.

Knows neither Kubernetes nor what is served.
"""
