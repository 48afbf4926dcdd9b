"""A simulation's report for people: tables for a terminal, plain text in a file or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box, console, markup, table

from stowage.simulate import capacity, explained, measure, report, run, session

_STATES = {
    run.State.PLACED: "placed",
    run.State.NOMINATED: "nominated, waiting for their victims to end",
    run.State.UNSCHEDULABLE: "unschedulable",
    run.State.GATED: "held back by scheduling gates",
    run.State.UNSUPPORTED: "in need of what Stowage does not have yet",
    run.State.DELETED: "being deleted",
    run.State.OTHER_SCHEDULER: "for other schedulers",
}
_BEST = 10
"""Nodes whose scores are shown."""
_REASONS = 20
"""Reasons shown of a state."""
_GROUPS = 12
"""Groups of nodes shown for a template."""
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
_NAMES = 4
"""Names shown of a group."""


def show(found: session.Report, out: console.Console) -> None:
    """Prints the report."""
    for part in _parts(found):
        _print(part, out)
    rate = report.rate(found)
    result = found.result
    tried = f"{_many(result.attempts, 'attempt')} in {result.passes} pass{'' if result.passes == 1 else 'es'}"
    out.print(
        f"{_many(len(result.entries), 'pending pod')}, {tried}: {result.seconds:.2f} s"
        f" ({rate:,.0f} pods per second); {found.load_seconds:.2f} s to load,"
        f" {found.total_seconds:.2f} s in all.",
        soft_wrap=True,
    )


def _print(part: console.RenderableType, out: console.Console) -> None:
    """Prints a part; a title may be wider than its table."""
    if isinstance(part, table.Table) and part.title:
        out.print(part.title, style="bold", soft_wrap=True)
        part.title = None
    out.print(part)
    out.print()


def _parts(found: session.Report) -> Iterator[console.RenderableType]:
    yield _summary(found)
    for state in run.State:
        if state is not run.State.PLACED and found.result.count(state):
            yield _reasons(found.result, state)
    if any(entry.victims for entry in found.result.entries):
        yield _victims(found.result)
    if found.measured.uses:
        yield _utilisation(found.measured)
    if found.measured.busiest:
        yield _nodes(found.measured)
    if found.result.explained is not None:
        yield from explanation(found.result)


def _table(title: str, *columns: str) -> table.Table:
    """Text columns; one whose name begins with `#` is of numbers."""
    out = table.Table(title=title, box=box.SIMPLE_HEAD)
    for name in columns:
        if name.startswith("#"):
            out.add_column(name[1:], justify="right", no_wrap=True)
        else:
            out.add_column(name, overflow="fold", min_width=min(len(name), 8) + 2)
    return out


def _summary(found: session.Report) -> table.Table:
    world = found.loaded.world
    pending = len(found.result.entries)
    title = (
        f"{_many(found.measured.nodes, 'node')}, {_many(world.placed, 'pod')} on them; {pending:,} pending"
    )
    out = _table(title, "#pods", "")
    for state, told in _STATES.items():
        count = found.result.count(state)
        if count or state in (run.State.PLACED, run.State.UNSCHEDULABLE):
            out.add_row(f"{count:,}", told)
    evicted = sum(bool(entry.evicted_by) for entry in found.result.entries)
    if evicted:
        out.add_row(f"{evicted:,}", "of those placed evicted again by pods of higher priority")
    skipped = found.loaded.faults.bad_objects
    if skipped:
        out.add_row(f"{skipped:,}", "bad objects skipped")
    return out


def _reasons(result: run.Result, state: run.State) -> table.Table:
    out = _table(_STATES[state].capitalize(), "#pods", "why", "such as")
    found = report.reasons(result, state)
    for reason, names in found[:_REASONS]:
        out.add_row(f"{len(names):,}", markup.escape(reason), markup.escape(_some(names)))
    rest = found[_REASONS:]
    if rest:
        count = sum(len(names) for _, names in rest)
        out.add_row(f"{count:,}", f"for {_many(len(rest), 'other reason')}; -o json has every pod's", "")
    return out


def _victims(result: run.Result) -> table.Table:
    out = _table("Preemptions", "pod", "node", "#victims", "")
    for entry in result.entries:
        if entry.victims:
            node = entry.nominated or entry.node
            out.add_row(entry.incoming.key, node, str(len(entry.victims)), _some(entry.victims))
    return out


def _utilisation(measured: measure.Measured) -> table.Table:
    out = _table(
        f"Resources ({measured.shapes:,} pod shapes)",
        "resource",
        "#allocatable",
        "#before",
        "#requested",
        "#%",
        "#left",
        "#fragmented",
    )
    for use in measured.uses:
        amounts = (amount(use.resource, each) for each in (use.allocatable, use.before, use.requested))
        out.add_row(
            use.resource,
            *amounts,
            f"{use.percent:.1f}",
            amount(use.resource, use.free),
            f"{100 * use.fragmentation:.1f} %",
        )
    return out


def amount(resource: str, value: int) -> str:
    """An amount in units that people read: cores, GiB."""
    unit = report.unit(resource)
    if unit == "millicores":
        return f"{value / 1000:,.1f}".removesuffix(".0")
    if unit == "bytes":
        power = min(max(value.bit_length() - 1, 0) // 10, 4)
        return f"{value / (1 << 10 * power):,.1f}".removesuffix(".0") + f" {_BYTES[power]}"
    return f"{value:,}"


def _nodes(measured: measure.Measured) -> table.Table:
    resources = [use.resource for use in measured.uses if use.resource != "pods"]
    out = _table(
        "Busiest and emptiest nodes (% requested)", "node", "#pods", *(f"#{name}" for name in resources)
    )
    for index, nodes in enumerate((measured.busiest, measured.emptiest)):
        if index:
            out.add_section()
        for node in nodes:
            shares = (f"{node.shares[name]:.1f}" if name in node.shares else "-" for name in resources)
            out.add_row(node.name, f"{node.pods:,}", *shares)
    return out


def explanation(result: run.Result) -> Iterable[console.RenderableType]:
    """The decision about the pod that was asked about."""
    entry, account = result.explained, result.explanation
    assert entry is not None
    yield f"[bold]Why {markup.escape(entry.incoming.key)}?[/bold]"
    if account is None:
        yield markup.escape(entry.reason)
        return
    yield markup.escape(explained.why(entry, account))
    if entry.reason:
        yield markup.escape(entry.reason)
    verdicts = _table("Nodes by verdict", "#nodes", "verdict", "plugin", "such as")
    if len(account.feasible):
        names = [account.names[row] for row in account.feasible.tolist()]
        verdicts.add_row(f"{len(names):,}", "can take the pod", "", markup.escape(_some(names)))
    for verdict, names in explained.groups(account):
        told = markup.escape(verdict.message)
        verdicts.add_row(f"{len(names):,}", told, verdict.plugin, markup.escape(_some(names)))
    if verdicts.row_count:
        yield verdicts
    if len(account.feasible):
        yield _scores(result)


def _scores(result: run.Result) -> table.Table:
    entry, account = result.explained, result.explanation
    assert entry is not None
    assert account is not None
    order = explained.ranking(account)[:_BEST]
    title = f"Scores of the best {_many(len(order), 'node')} (raw → 0–100 × weight)"
    columns = [f"#{each.plugin}" for each in account.scores]
    out = _table(title, "node", "#total", *columns)
    for index in order:
        name = account.names[int(account.feasible[index])]
        cells = (
            f"{int(each.raw[index])} → {int(each.normalized[index])} × {each.weight}"
            for each in account.scores
        )
        style = "bold green" if name == entry.node else ""
        out.add_row(name, str(int(account.totals[index])), *cells, style=style)
    return out


def show_capacity(found: capacity.Report, out: console.Console) -> None:
    """Prints how many more of each template fit."""
    counts = _table("How many more fit", "template", "#count", "#nodes", "what stops the next one")
    for answer in found.answers:
        stopped = answer.stopped or f"nothing: --limit {found.limit:,} was reached"
        name, count = markup.escape(answer.template), f"{answer.count:,}"
        counts.add_row(name, count, f"{len(answer.nodes):,}", markup.escape(stopped))
    _print(counts, out)
    for answer in found.answers:
        if answer.nodes:
            _print(_where(answer), out)


def _where(answer: capacity.Answer) -> table.Table:
    """Nodes by how many copies each takes."""
    by_count: dict[int, list[str]] = {}
    for node, count in answer.nodes.items():
        by_count.setdefault(count, []).append(node)
    out = _table(f"Where {markup.escape(answer.template)} fits", "#each", "#nodes", "such as")
    ranked = sorted(by_count.items(), reverse=True)
    for count, nodes in ranked[:_GROUPS]:
        out.add_row(f"{count:,}", f"{len(nodes):,}", markup.escape(_some(sorted(nodes))))
    if len(ranked) > _GROUPS:
        rest = sum(len(nodes) for _, nodes in ranked[_GROUPS:])
        out.add_row("fewer", f"{rest:,}", "")
    return out


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return f"{shown}, …" if len(names) > _NAMES else shown
