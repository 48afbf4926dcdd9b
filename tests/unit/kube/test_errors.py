"""Answers to errors."""

import json

import msgspec
import pytest

from stowage.kube import errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.APIError),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (410, errors.Gone),
        (422, errors.Invalid),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (504, errors.ServerError),
    ],
    ids=str,
)
def test_a_status_has_its_class(status: int, kind: type[errors.APIError]) -> None:
    error = errors.from_answer(status, b"{}")
    assert type(error) is kind
    assert error.status == status


def test_an_error_says_what_the_status_says() -> None:
    body = {
        "kind": "Status",
        "message": 'pods "a" already exists',
        "reason": "AlreadyExists",
        "details": {"causes": [{"reason": "FieldValueInvalid", "field": "spec", "message": "m"}]},
    }
    error = errors.from_answer(409, json.dumps(body).encode())
    assert isinstance(error, errors.Conflict)
    assert error.exists
    assert error.causes == (errors.Cause("FieldValueInvalid", "m", "spec"),)
    assert str(error) == '409 AlreadyExists: pods "a" already exists'


def test_what_is_no_status_is_bounded_text() -> None:
    error = errors.from_answer(502, b"<html>" + b"x" * 10_000)
    assert isinstance(error, errors.ServerError)
    assert error.message.startswith("<html>")
    assert len(error.message) == errors.LONGEST_TEXT


@pytest.mark.parametrize(
    ("header", "seconds", "expected"),
    [("7", 0, 7.0), (None, 3, 3.0), ("7", 3, 7.0), ("soon", 0, None), (None, 0, None)],
    ids=["header", "details", "header first", "no number", "neither"],
)
def test_how_long_to_wait_is_in_the_header_or_the_details(
    header: str | None, seconds: int, expected: float | None
) -> None:
    body = json.dumps({"details": {"retryAfterSeconds": seconds}}).encode()
    assert errors.from_answer(429, body, header).retry_after == expected


@pytest.mark.parametrize(
    "text",
    [
        "header Authorization: Bearer s3cret-token was wrong",
        "basic s3cret-token=",
        "token eyJhbGciOiJSUzI1.s3cret-token.sig expired",
        'Post "https://user:s3cret@p%40ss@example.com/x": refused',
    ],
    ids=["bearer", "basic", "jwt", "url"],
)
def test_credentials_are_struck_out(text: str) -> None:
    error = errors.from_answer(400, text.encode())
    assert "s3cret" not in f"{error!r} {error.message}"
    assert "[redacted]" in error.message


def test_an_eviction_that_a_budget_forbids_is_told_from_too_many_requests() -> None:
    body = b'{"details": {"causes": [{"reason": "DisruptionBudget"}]}}'
    forbidden, busy = errors.from_answer(429, body), errors.from_answer(429, b"")
    assert isinstance(forbidden, errors.TooManyRequests)
    assert isinstance(busy, errors.TooManyRequests)
    assert forbidden.budget
    assert not busy.budget


def test_a_watch_reports_an_error_with_its_own_code() -> None:
    with pytest.raises(errors.Gone):
        errors.raise_for_status(msgspec.Raw(b'{"code": 410, "reason": "Expired", "message": "too old"}'))
    with pytest.raises(errors.ServerError):
        errors.raise_for_status(b"[]")
