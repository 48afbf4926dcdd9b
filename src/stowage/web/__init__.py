"""What the tools share: the application with its headers and errors, the live stream, the page kit.

Knows nothing of Kubernetes. A page is plain ES modules and CSS out of the package, without a build step
and without anything from elsewhere.
"""
