"""Which toleration covers which taint."""

import pytest

from stowage.api import objects, tolerations

TAINT = objects.Taint(key="k", value="v", effect="NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        pytest.param(objects.Toleration("k", "Equal", "v", "NoSchedule"), True, id="equal"),
        pytest.param(objects.Toleration("k", "", "v", "NoSchedule"), True, id="no operator means equal"),
        pytest.param(objects.Toleration("k", "Equal", "w", "NoSchedule"), False, id="another value"),
        pytest.param(objects.Toleration("k", "Exists", "w", ""), True, id="exists ignores the value"),
        pytest.param(objects.Toleration("", "Exists"), True, id="no key covers all keys"),
        pytest.param(objects.Toleration("", "Equal", "v"), True, id="no key, equal value"),
        pytest.param(objects.Toleration("j", "Exists"), False, id="another key"),
        pytest.param(objects.Toleration("k", "Exists", "", "NoExecute"), False, id="another effect"),
        pytest.param(objects.Toleration("k", "Gt", "1"), False, id="Gt is gated off"),
        pytest.param(objects.Toleration("k", "Lt", "1"), False, id="Lt is gated off"),
    ],
)
def test_a_toleration_covers_a_taint(toleration: objects.Toleration, expected: bool) -> None:
    assert tolerations.tolerates(toleration, TAINT) is expected


def test_the_first_taint_of_the_effects_asked_for_is_found() -> None:
    soft = objects.Taint("soft", "", "PreferNoSchedule")
    hard = objects.Taint("hard", "", "NoExecute")
    tolerated = objects.Toleration("k", "Exists")
    taints = (soft, TAINT, hard)
    effects = {tolerations.NO_SCHEDULE, tolerations.NO_EXECUTE}
    assert tolerations.untolerated(taints, (), effects) == TAINT
    assert tolerations.untolerated(taints, (tolerated,), effects) == hard
    assert tolerations.untolerated(taints, (objects.Toleration(operator="Exists"),), effects) is None
