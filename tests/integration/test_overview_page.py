"""The overview in a real browser: what it shows of a running cluster, and what it does when things break."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import browser, running

pytestmark = pytest.mark.slow

NEWCOMER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: newcomer}
spec:
  replicas: 3
  selector: {matchLabels: {app: newcomer}}
  template:
    metadata: {labels: {app: newcomer}}
    spec:
      priorityClassName: system-cluster-critical
      containers: [{name: main, image: nginx, resources: {requests: {cpu: 10m}}}]
"""
HUGE = """
apiVersion: v1
kind: Pod
metadata: {name: huge}
spec:
  containers: [{name: main, image: nginx, resources: {requests: {cpu: "64"}}}]
"""
NODES = "document.querySelectorAll('.cell').length"
OF = (
    "[...document.querySelectorAll(arguments[0])]"
    ".filter((each) => each.innerText.includes(arguments[1])).length"
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[running.Run, browser.Page]]:
    with (
        browser.chromium(tmp_path_factory.mktemp("profile")) as page,
        running.running("--nodes", "12") as run,
    ):
        page.open(run.page)
        yield run, page


def test_the_page_shows_a_cluster_at_work(shown: tuple[running.Run, browser.Page], tmp_path: Path) -> None:
    _, page = shown
    page.until(f"{NODES} === 12")
    assert page.run("return [...document.querySelectorAll('.zone h3')].map((each) => each.innerText)") == [
        "zone-a",
        "zone-b",
        "zone-c",
    ]
    page.until("document.querySelectorAll('#decisions li.scheduled').length >= 10")
    why = "document.querySelector('#decisions .why')?.innerText"
    assert "Free room" in page.until(why)
    page.until("Number(document.querySelector('.cell').style.getPropertyValue('--fill')) > 0")
    assert page.text("#link-api") == "API server live"
    assert page.text("#link-scheduler") == "Scheduler live"
    assert "active" in page.text("#queues")
    assert page.text("#banner") == ""
    picture = tmp_path / "overview.png"
    page.driver.save_screenshot(str(picture))
    assert picture.stat().st_size > 10_000
    assert page.errors() == []


def test_a_newcomers_deployment_shows_up(shown: tuple[running.Run, browser.Page]) -> None:
    run, page = shown
    run.kubectl("apply", "-f", "-", given=NEWCOMER)
    page.until(f"{OF} >= 1", "#decisions li", "default/newcomer-")
    page.run(
        "[...document.querySelectorAll('#decisions .link')]"
        ".find((each) => each.innerText.startsWith('default/newcomer-')).click()"
    )
    assert page.until("document.querySelector('dialog[open] table')?.innerText").startswith("Plugin")
    assert "scheduled on node-" in page.text("dialog")
    page.run("document.querySelector('dialog .facts .link').click()")
    page.until(f"{OF} >= 1", "dialog td", "default/newcomer-")
    assert "8 cores requested" in page.text("dialog .facts")
    page.run("document.querySelector('dialog .close').click()")


def test_a_pod_that_fits_nowhere_waits_with_its_sentence(shown: tuple[running.Run, browser.Page]) -> None:
    run, page = shown
    run.kubectl("apply", "-f", "-", given=HUGE)
    page.until(f"{OF} >= 1", "#pending li", "default/huge")
    page.until(f"{OF} >= 1", "#pending .sentence", "0/12 nodes are available: 12 Insufficient cpu.")
    run.kubectl("delete", "pod", "huge")
    page.until(f"{OF} === 0", "#pending li", "default/huge")


def test_a_node_can_be_reached_by_keyboard(shown: tuple[running.Run, browser.Page]) -> None:
    _, page = shown
    page.until(f"{NODES} === 12")
    assert page.run("return document.querySelectorAll('.cell[tabindex=\"0\"]').length") == 1
    page.run("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    first = page.run("return document.activeElement.dataset.node")
    pressed = "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true})"
    page.run(f"document.activeElement.dispatchEvent({pressed})")
    second = page.run("return document.activeElement.dataset.node")
    assert first != second
    assert page.text("#readout").startswith(f"{second} · ")
    assert page.run("return document.activeElement.getAttribute('aria-label')").startswith(second)


@running.LOOKS_AT_PROCESSES
def test_a_scheduler_that_is_killed_is_missed_and_comes_back(shown: tuple[running.Run, browser.Page]) -> None:
    run, page = shown
    page.until("document.querySelector('#link-scheduler.up') !== null")
    killed = run.child("scheduler")
    os.kill(killed, signal.SIGKILL)
    page.until("document.querySelector('#link-scheduler.down') !== null")
    assert "the scheduler" in page.until("document.getElementById('banner').innerText")
    page.until("document.querySelector('#link-scheduler.up') !== null")
    assert run.child("scheduler") not in {0, killed}
    assert "the scheduler ended by signal 9; starting it again" in run.out
    run.kubectl("apply", "-f", "-", given=NEWCOMER.replace("newcomer", "late"))
    page.until(f"{OF} >= 1", "#decisions li", "default/late-")


def test_the_page_answers_this_machine_by_its_own_names_only(shown: tuple[running.Run, browser.Page]) -> None:
    run, _ = shown
    asked = urllib.request.Request(f"{run.page}/api/live", headers={"Host": "rebound.example"})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(asked, timeout=20)
    assert refusal.value.code == 400
    refusal.value.close()


def test_a_page_whose_server_ended_says_so(shown: tuple[running.Run, browser.Page]) -> None:
    run, page = shown
    assert run.end() == 0
    assert "is it still running?" in page.until("document.getElementById('banner').innerText")
    assert page.text("#links") == "Stowage lost"
