from typing import Any

import pytest

from stowage.embedded import errors, schema
from stowage.embedded.http import query
from stowage.embedded.storage import store

PODS = schema.named("", "Pod")


@pytest.fixture
def entry() -> store.Entry:
    labels = {"app": "web", "tier": "front"}
    value: dict[str, Any] = {
        "metadata": {"name": "a", "namespace": "n", "labels": labels},
        "spec": {"nodeName": "x"},
        "status": {"phase": "Running"},
    }
    return store.Store().put("pods", value)


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app in (a, web),!none", True),
        ("app notin (web)", False),
        ("none notin (a)", True),
        ("app", True),
        ("none", False),
        ("", True),
    ],
)
def test_label_selectors(selector: str, selected: bool, entry: store.Entry) -> None:
    assert query.selection(PODS, {"labelSelector": selector}).matches(entry) is selected


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("spec.nodeName=x,status.phase=Running", True),
        ("spec.nodeName!=x", False),
        ("metadata.name=a,metadata.namespace=n", True),
        ("spec.hostNetwork=false", True),
        ("status.nominatedNodeName=", True),
    ],
)
def test_field_selectors(selector: str, selected: bool, entry: store.Entry) -> None:
    assert query.selection(PODS, {"fieldSelector": selector}).matches(entry) is selected


@pytest.mark.parametrize(
    "params",
    [
        {"labelSelector": "a in ("},
        {"labelSelector": "a=not ok"},
        {"labelSelector": "-a=b"},
        {"fieldSelector": "spec.none=x"},
        {"fieldSelector": "spec.nodeName"},
    ],
    ids=str,
)
def test_bad_selectors_are_bad_requests(params: dict[str, str]) -> None:
    with pytest.raises(errors.ApiError) as caught:
        query.selection(PODS, params)
    assert caught.value.code == 400


def test_a_page_goes_on_where_its_token_says() -> None:
    page = query.Page(7, ("n", "a"))
    assert query.page(page.token()) == page
    with pytest.raises(errors.ApiError, match="continue key"):
        query.page("nonsense")
