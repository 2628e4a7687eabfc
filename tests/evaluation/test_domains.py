import pytest

from adapter.errors import UserError
from adapter.evaluation.domains import DOMAINS, HELD_OUT, QUICK, TUNING, choose_domains


def test_names_and_groups() -> None:
    assert choose_domains(["bronze", "held-out", "bronze"]) == ("bronze", *HELD_OUT)
    assert choose_domains(["all"]) == DOMAINS
    assert len(DOMAINS) >= 12
    assert not set(TUNING) & set(HELD_OUT)
    assert len(QUICK) == 3


def test_an_unknown_domain_is_named() -> None:
    with pytest.raises(UserError, match="'marble cake'"):
        choose_domains(["marble cake"])


def test_held_out_domains_are_the_styles_that_tuning_must_not_see() -> None:
    pytest.importorskip("numba")
    from adapter.synthetic import styles

    assert set(HELD_OUT) == set(styles.HELD_OUT)
    assert set(DOMAINS) <= set(styles.STYLES)
