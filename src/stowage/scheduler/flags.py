"""Flags that kube-scheduler takes, or once took, and that decide nothing here.

They are accepted so that the arguments of a deployment can stay, each with a warning that says why. Imports
nothing: the command reads this before it knows what it is asked.
"""

from typing import Final

_CLIENT_CERTIFICATES: Final = "client certificates and front proxies are not looked at"
_LOOKUP: Final = f"nothing is looked up in the cluster: {_CLIENT_CERTIFICATES}"
_HTTP2: Final = "HTTP/2 is not served"
_GO: Final = "it is about kube-scheduler's own process"
_RELEASE: Final = "what 1.36 has on by default is on, and nothing else"
_METRICS: Final = "all metrics are told, with all labels"
_LOGS: Final = "logs are JSON lines on standard error, written at once"

WITHOUT_EFFECT: Final = {
    "allow-metric-labels": _METRICS,
    "allow-metric-labels-manifest": _METRICS,
    "authentication-skip-lookup": _LOOKUP,
    "authentication-tolerate-lookup-failure": _LOOKUP,
    "cert-dir": "without --tls-cert-file a certificate is made for this run, and kept in memory",
    "client-ca-file": _CLIENT_CERTIFICATES,
    "contention-profiling": _GO,
    "disable-http2-serving": _HTTP2,
    "disabled-metrics": _METRICS,
    "emulated-version": _RELEASE,
    "feature-gates": _RELEASE,
    "http2-max-streams-per-connection": _HTTP2,
    "kube-api-content-type": "the API server is spoken to in JSON",
    "log-flush-frequency": _LOGS,
    "log-json-info-buffer-size": _LOGS,
    "log-json-split-stream": _LOGS,
    "log-text-info-buffer-size": _LOGS,
    "log-text-split-stream": _LOGS,
    "logging-format": _LOGS,
    "logtostderr": _LOGS,
    "min-compatibility-version": _RELEASE,
    "percentage-of-nodes-to-score": "the configuration file says it",
    "permit-address-sharing": "SO_REUSEADDR is always set",
    "permit-port-sharing": "a port is for one process",
    "port": "plain HTTP is not served; see --secure-port",
    "profiling": "there is no profile to get",
    "requestheader-allowed-names": _CLIENT_CERTIFICATES,
    "requestheader-client-ca-file": _CLIENT_CERTIFICATES,
    "requestheader-extra-headers-prefix": _CLIENT_CERTIFICATES,
    "requestheader-group-headers": _CLIENT_CERTIFICATES,
    "requestheader-uid-headers": _CLIENT_CERTIFICATES,
    "requestheader-username-headers": _CLIENT_CERTIFICATES,
    "show-hidden-metrics-for-version": _METRICS,
    "tls-curve-preferences": "OpenSSL chooses",
    "tls-sni-cert-key": "one certificate is served, that of --tls-cert-file",
}
"""Flag -> why it is without effect."""

SWITCHES: Final = frozenset(
    {
        "authentication-skip-lookup",
        "authentication-tolerate-lookup-failure",
        "contention-profiling",
        "disable-http2-serving",
        "log-json-split-stream",
        "log-text-split-stream",
        "logtostderr",
        "permit-address-sharing",
        "permit-port-sharing",
        "profiling",
    }
)
"""Those of them that need no value."""
