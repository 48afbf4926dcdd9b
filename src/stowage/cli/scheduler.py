"""`stowage scheduler`: schedules the pods of a cluster, beside kube-scheduler or in its place."""

from __future__ import annotations

import asyncio
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import typer.core

from stowage.cli import terminal
from stowage.scheduler import flags

_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), "--"),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), "--no-"),
}
"""What Go reads as a boolean, and how such a flag begins here."""
_SWITCHES: Final = frozenset({"leader-elect", "strict"})
_WITHOUT_EFFECT: Final = "--without-effect"

EPILOG: Final = "\b\nAccepted with a warning, without effect:\n" + textwrap.fill(
    " ".join(f"--{name}" for name in flags.WITHOUT_EFFECT), 76, break_on_hyphens=False
)


class Command(typer.core.TyperCommand):
    """Takes flags as kube-scheduler's are written, too: `--leader-elect=false`, `-v=2`, `--v=2`; and those of
    kube-scheduler's that decide nothing here, with whatever value."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "rich_markup_mode": None})  # tables would cut long names

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Writes them as click wants them."""
        return super().parse_args(ctx, [_as_click(arg) for arg in _marked(args)])


def _marked(args: Iterable[str]) -> Iterator[str]:
    """The arguments, a flag without effect and its value being one that names it."""
    rest = iter(args)
    for arg in rest:
        name, equals, _ = arg.removeprefix("--").partition("=")
        if not arg.startswith("--") or name not in flags.WITHOUT_EFFECT:
            yield arg
            continue
        if not equals and name not in flags.SWITCHES:
            next(rest, None)
        yield f"{_WITHOUT_EFFECT}={name}"


def _as_click(arg: str) -> str:
    if re.fullmatch("--version=(true|raw)", arg):
        return "--version"
    name, equals, value = arg.removeprefix("--").partition("=")
    if arg.startswith("--") and equals and name in _SWITCHES and value in _BOOLEANS:
        return _BOOLEANS[value] + name
    return f"--v={arg[3:]}" if re.fullmatch(r"-v=.*", arg) else arg


def _known(name: str) -> str:
    if name not in flags.WITHOUT_EFFECT:
        raise typer.BadParameter(f"there is no flag --{name}")
    return name


def _duration(text: str) -> float:
    from stowage.framework.config import decode

    seconds = decode.seconds(text)
    if seconds is None:
        raise typer.BadParameter(f"{text} is no duration such as 15s or 1m30s")
    return seconds


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def scheduler(
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A KubeSchedulerConfiguration.")] = None,
    write_config_to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the configuration, flags and defaults in it, and end."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict/--no-strict", help="Refuse a configuration that gives cause to warn.")
    ] = False,
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="How to reach the cluster. Without it, and none in the configuration: as a pod of it.",
        ),
    ] = None,
    master: Annotated[
        str, typer.Option(metavar="URL", help="The API server, instead of the kubeconfig's.")
    ] = "",
    kube_api_qps: Annotated[
        float | None,
        typer.Option(help="Requests a second; 0 or less: any number.", show_default="50"),
    ] = None,
    kube_api_burst: Annotated[int | None, typer.Option(help="Requests at once.", show_default="100")] = None,
    bind_address: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to answer.")] = "127.0.0.1",
    secure_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Where to answer over HTTPS; 0: nowhere."),
    ] = 10259,
    tls_cert_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Without it, one is made for this run."),
    ] = None,
    tls_private_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's key.")
    ] = None,
    tls_min_version: Annotated[
        str,
        typer.Option(metavar="VERSION", help="VersionTLS12 or VersionTLS13.", show_default="VersionTLS12"),
    ] = "",
    tls_cipher_suites: Annotated[
        Any,
        typer.Option(
            parser=_list, metavar="SUITE,…", help="Of TLS 1.2, by Go's names; without it, OpenSSL's."
        ),
    ] = "",
    authentication_kubeconfig: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="With whose rights tokens are reviewed; without it, the scheduler's own."
        ),
    ] = None,
    authorization_kubeconfig: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="With whose rights access is reviewed; without it, the scheduler's own."
        ),
    ] = None,
    authorization_always_allow_paths: Annotated[
        Any,
        typer.Option(parser=_list, metavar="PATH,…", help="Paths that are open to all."),
    ] = "/healthz,/readyz,/livez",
    authentication_token_webhook_cache_ttl: Annotated[
        Any, typer.Option(parser=_duration, metavar="DURATION", help="How long it counts whose a token is.")
    ] = "10s",
    authorization_webhook_cache_authorized_ttl: Annotated[
        Any, typer.Option(parser=_duration, metavar="DURATION", help="How long it counts that somebody may.")
    ] = "10s",
    authorization_webhook_cache_unauthorized_ttl: Annotated[
        Any,
        typer.Option(parser=_duration, metavar="DURATION", help="How long it counts that somebody may not."),
    ] = "10s",
    leader_elect: Annotated[
        bool | None,
        typer.Option(
            "--leader-elect/--no-leader-elect", help="Act only while holding the Lease.", show_default="yes"
        ),
    ] = None,
    leader_elect_lease_duration: Annotated[
        Any,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            help="How long others wait for a leader that is silent.",
            show_default="15s",
        ),
    ] = None,
    leader_elect_renew_deadline: Annotated[
        Any,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            help="How long a leader acts after its last renewal.",
            show_default="10s",
        ),
    ] = None,
    leader_elect_retry_period: Annotated[
        Any,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            help="Between two attempts to take or renew the Lease.",
            show_default="2s",
        ),
    ] = None,
    leader_elect_resource_lock: Annotated[
        str | None, typer.Option(help="leases", show_default="leases")
    ] = None,
    leader_elect_resource_name: Annotated[
        str | None,
        typer.Option(
            help="The Lease's name; `stowage` where no profile is the default-scheduler.",
            show_default="kube-scheduler",
        ),
    ] = None,
    leader_elect_resource_namespace: Annotated[
        str | None,
        typer.Option(help="The Lease's namespace.", show_default="kube-system"),
    ] = None,
    pod_max_in_unschedulable_pods_duration: Annotated[
        Any,
        typer.Option(
            parser=_duration,
            metavar="DURATION",
            help="How long a pod that fits nowhere waits for an event before it is tried anyway.",
        ),
    ] = "5m",
    low_memory: Annotated[
        bool, typer.Option("--low-memory", help="Keep caches and queues small (docs/memory.md).")
    ] = False,
    v: Annotated[
        int,
        typer.Option("--v", "-v", min=0, max=10, help="Verbosity: 2 each pod, 3 each attempt."),
    ] = 0,
    vmodule: Annotated[
        str,
        typer.Option(metavar="PATTERN=N,…", help="Verbosity of single modules, such as driver=4."),
    ] = "",
    without_effect: Annotated[
        list[str] | None, typer.Option(_WITHOUT_EFFECT, hidden=True, parser=_known)
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=terminal.version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Schedule pods until interrupted; logs JSON lines to standard error.

    Flags are kube-scheduler's, and go before what the configuration says. Health, metrics and decisions
    are answered over HTTPS: `/livez`, `/readyz`, `/metrics`, `/configz`, `/decisions`.

    Exit code 1: the Lease was lost. 2: it cannot be started as asked. An API server that does not answer, or
    refuses us, is asked again.
    """
    given = dict(locals())
    del given["version"]
    import uvloop

    from stowage.kube import errors, leases
    from stowage.scheduler import logs, main, options

    logs.set_up()
    logs.set_verbosity(str(v))
    given["authorization_always_allow_paths"] = tuple(authorization_always_allow_paths)
    given["tls_cipher_suites"] = tuple(tls_cipher_suites)
    given["without_effect"] = tuple(without_effect or ())
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main.run(options.Options(**given)))
    except (main.Refused, errors.ConfigurationError) as error:
        typer.echo(f"stowage scheduler: {error}", err=True)
        raise typer.Exit(2) from error
    except (leases.LeaseLost, errors.KubeError) as error:
        main.logger.error("Scheduler ended", extra={"error": str(error)})
        raise typer.Exit(1) from error
