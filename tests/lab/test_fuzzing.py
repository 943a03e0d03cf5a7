"""Damaged files of each kind end in what is documented."""

import random

import pytest

from fuzzing.campaign import as_table, run_campaign
from fuzzing.damage import damage
from fuzzing.samples import SAMPLES


def test_damage_is_repeatable_and_of_all_kinds():
    data = random.Random(0).randbytes(1000)
    files = [damage(data, random.Random(i)) for i in range(200)]
    assert files == [damage(data, random.Random(i)) for i in range(200)]
    flipped = [f for f in files if len(f) == len(data) and f != data]
    cut = [f for f in files if len(f) < len(data)]
    inserted = [f for f in files if len(f) > len(data)]
    assert min(len(flipped), len(cut), len(inserted)) >= 30
    assert all(data.startswith(f) for f in cut)


def test_a_text_file_of_each_kind():
    cases = run_campaign(["recipe"], count=10, seed=1, workers=1)
    assert [c.number for c in cases] == list(range(10))
    assert all(case.passed for case in cases)
    assert "| recipe | 10    |" in as_table(cases)


@pytest.mark.slow
def test_no_damaged_file_does_harm():
    cases = run_campaign(list(SAMPLES), count=100)
    assert [case for case in cases if not case.passed] == []
    # Damage that is noticed, and some that can not be.
    for kind in SAMPLES:
        outcomes = {c.outcome for c in cases if c.kind == kind}
        assert "ValueError" in outcomes
