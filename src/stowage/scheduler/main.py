"""The scheduler's process: reads what it is asked, listens, waits for the Lease, schedules, ends in order.

At SIGTERM or SIGINT readiness fails at once, no cycle begins any more, bindings under way are awaited, the
Lease is given up, and then the endpoints close.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

from stowage.framework import config, profile, registry
from stowage.framework.config import plain
from stowage.kube import client as clients
from stowage.kube import connection
from stowage.scheduler import bounds, live, logs, options
from stowage.scheduler.https import access, endpoints, tls
from stowage.serving import certificates, server

logger = logging.getLogger(__name__)

REVIEWS = clients.Settings(qps=200.0, burst=400, timeout=access.TIMEOUT, tries=2)
"""Reviews have a client of their own, as in kube-scheduler: they neither wait for bindings nor delay them."""

COLLECTED = (10_000, 20, 20)
"""When Python looks for cycles: hardly anything here makes any, and looking through a large cluster's objects
stops all else for a tenth of a second."""


class Refused(Exception):
    """The scheduler cannot be started as asked; one sentence says why."""


async def run(asked: options.Options) -> None:
    """Schedules until SIGINT or SIGTERM, or only writes the configuration. Refused, ConfigurationError;
    `leases.LeaseLost`, KubeError."""
    try:
        logs.set_modules(asked.vmodule)
    except logs.FlagError as error:
        raise Refused(f"--vmodule: {error}") from error
    written = configured(asked)
    if asked.write_config_to is not None:
        _write(written, asked.write_config_to)
        return
    wanted = written.client_connection
    cluster = _connection(wanted.kubeconfig, asked.master)
    settings = clients.Settings(qps=wanted.qps if wanted.qps > 0 else None, burst=max(wanted.burst, 1))
    gc.freeze()  # what importing has made stays, and need not be looked through again and again
    gc.set_threshold(*COLLECTED)
    await cluster.access()
    async with clients.Client(cluster, settings) as client:
        kept = bounds.LOW if asked.low_memory else bounds.USUAL
        process = live.Process(client, written, kept, asked.pod_max_in_unschedulable_pods_duration)
        async with _served(asked, written, process, cluster):
            await _until_told(process)


def configured(asked: options.Options) -> config.Configuration:
    """What file and flags amount to; that its profiles can be made is seen to at once. Refused."""
    try:
        written = options.configuration(asked)
        for each in written.profiles:
            profile.Profile(each)
        return written
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{asked.config}: it is no text") from error
    except (ValueError, registry.RegistryError) as error:
        raise Refused(str(error)) from error


def _write(written: config.Configuration, path: Path) -> None:
    """Writes the configuration as kube-scheduler does, for who asks no more than that. Refused."""
    try:
        path.write_text(yaml.safe_dump(plain.plain(written, secrets=True)))
    except OSError as error:
        raise Refused(f"--write-config-to {path}: {error.strerror}") from error
    logger.info("Wrote configuration", extra={"file": str(path)})


async def _until_told(process: live.Process) -> None:
    """Works until a signal comes."""
    work = asyncio.ensure_future(process.run())

    def end() -> None:
        process.ending = True
        work.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        await work


# --------------------------------------------------------------------- serving


@contextlib.asynccontextmanager
async def _served(
    asked: options.Options,
    written: config.Configuration,
    process: live.Process,
    cluster: connection.Connection,
) -> AsyncIterator[None]:
    """Answers while the block is in, where a port is asked for. Refused."""
    if not asked.secure_port:
        yield
        return
    async with contextlib.AsyncExitStack() as stack:
        tokens = await _reviews(stack, asked.authentication_kubeconfig, cluster)
        reviews = tokens
        if asked.authorization_kubeconfig != asked.authentication_kubeconfig:
            reviews = await _reviews(stack, asked.authorization_kubeconfig, cluster)
        reviewed = access.Access(tokens, reviews, asked.authorization_always_allow_paths, asked.lifetimes)
        stack.callback(reviewed.close)
        app = endpoints.Endpoints(process, reviewed, plain.plain(written), process.metrics)
        context = await stack.enter_async_context(_tls(asked))
        try:
            tls.restrict(context, asked.tls_min_version, asked.tls_cipher_suites)
        except ValueError as error:
            raise Refused(str(error)) from error
        listening = _listen(asked)
        stack.callback(listening.close)
        async with server.serving(app, listening, context, app.stop):
            yield


def _listen(asked: options.Options) -> socket.socket:
    try:
        return server.listen(asked.bind_address, asked.secure_port)
    except OSError as error:
        place = f"{asked.bind_address}:{asked.secure_port}"
        why = error.strerror or str(error)
        raise Refused(f"cannot listen on {place}: {why} (--bind-address, --secure-port)") from error


async def _reviews(
    stack: contextlib.AsyncExitStack, kubeconfig: str | None, otherwise: connection.Connection
) -> clients.Client:
    """A client for reviews: of its own kubeconfig, or with the scheduler's identity."""
    cluster = connection.from_kubeconfig(kubeconfig) if kubeconfig else otherwise
    await cluster.access()
    return await stack.enter_async_context(clients.Client(cluster, REVIEWS))


@contextlib.asynccontextmanager
async def _tls(asked: options.Options) -> AsyncIterator[ssl.SSLContext]:
    """The context of the certificate that was given, or of one made for this process."""
    certificate, key = asked.tls_cert_file, asked.tls_private_key_file
    if certificate is None and key is None:
        yield certificates.context(*certificates.self_signed(asked.bind_address))
        return
    if certificate is None or key is None:
        raise Refused("--tls-cert-file and --tls-private-key-file go together")
    try:
        files = certificates.Files(certificate, key)
    except certificates.CertificateError as error:
        raise Refused(str(error)) from error
    following = asyncio.create_task(files.follow(), name="certificate")
    try:
        yield files.context
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _connection(kubeconfig: str, master: str) -> connection.Connection:
    """The kubeconfig or server that is named, or a pod's credentials; never another file that lies about."""
    if kubeconfig:
        return connection.from_kubeconfig(kubeconfig, server=master)
    if master:
        return connection.anonymous(master)
    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        raise Refused(
            "no --kubeconfig is given, and there are no in-cluster credentials: this is no pod of a cluster "
            "(KUBERNETES_SERVICE_HOST is not set)"
        )
    return connection.in_cluster()
