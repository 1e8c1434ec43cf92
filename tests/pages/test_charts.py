"""Charts: what a run of values says, where things stand, and the page that shows them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from cast import World
from hypothesis import given
from hypothesis import strategies as st
from newcomer import key, register

from server.ids import new_id
from server.patients.tables import Observation
from server.tenants.db import tenant_db
from web.charts import HEIGHT, Value, bars, finding, plain, run_chart, sparkline

DAY = date(2026, 1, 5)


def numbers(text: str) -> list[Decimal]:
    return [Decimal(word) for word in text.split()]


@pytest.mark.parametrize(
    ("values", "said", "over"),
    [
        ("8 8.1 7.9", "few", 0),
        ("9 1 9 1 9 1 9 1 9", "few", 0),  # nine are not ten
        ("9 1 9 1 9 1 9 1 9 1", "steady", 0),
        ("9 9 9 8 9 9 3 2 3 2 3 2", "below", 6),
        ("3 2 3 2 3 2 9 9 9 8 9 9", "above", 6),
        ("3 2 3 2 3 9 9 9 8 9", "steady", 0),  # five on one side are no shift
        ("3 2 3 2 5 5 5 9 9 9 5 8 9 9", "above", 10),  # those on the median are passed over
        ("5 9 1 9 1 9 1 2 3 4", "steady", 0),  # four that rise
        ("9 9 5 1 9 1 9 1 2 3 4 6", "rising", 5),
        ("5 5 5 5 5 5 5 5 5 5", "steady", 0),  # all alike
    ],
)
def test_what_a_run_says(values: str, said: str, over: int) -> None:
    assert finding(numbers(values)) == (said, over)


def test_a_run_chart_marks_what_it_found_and_keeps_its_words_apart() -> None:
    run = [Value(DAY + n * timedelta(30), v) for n, v in enumerate(numbers("9 9 9 8 9 9 3 2 3 2 3 2"))]
    chart = run_chart(run)
    assert [dot.marked for dot in chart.dots] == [False] * 6 + [True] * 6
    assert chart.median == Decimal("5.5")
    assert chart.dots[-1].y > chart.median_y > chart.dots[0].y, "larger stands higher"
    alike = run_chart([Value(DAY, Decimal(7)), Value(DAY, Decimal(7))])
    assert abs(alike.label_y - alike.median_label_y) >= 16
    assert run_chart(run[::-1]) == chart, "the order they come in does not matter"


@given(st.lists(st.tuples(st.integers(0, 3000), st.decimals(-1000, 1000, places=2)), min_size=1, max_size=80))
def test_everything_stands_inside(drawn: list[tuple[int, Decimal]]) -> None:
    chart = run_chart([Value(DAY + timedelta(n), value) for n, value in drawn])
    assert len(chart.dots) == len(drawn)
    for dot in chart.dots:
        assert 0 <= dot.x <= 100
        assert 0 <= dot.y <= HEIGHT
    assert 0 <= chart.median_y <= HEIGHT
    assert 0 <= chart.over <= len(drawn)


def test_bars_begin_at_zero_and_the_little_line_fits_its_box() -> None:
    shown = bars([("a", Decimal(10)), ("b", Decimal(5)), ("c", Decimal(0))])
    assert shown[0].width == 2 * shown[1].width > shown[2].width == 0
    assert bars([("none", Decimal(0))])[0].width == 0
    for point in sparkline(numbers("3 3 3 900 -4")).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 96
        assert 0 <= y <= 24
    assert plain(Decimal("7.40")) == "7.4"
    assert plain(Decimal("100.0")) == "100"


async def measured(world: World, patient: str, values: str, **more: Any) -> None:
    began = datetime(2025, 1, 6, 15, tzinfo=UTC)
    rows = [
        {
            "tenant_id": world.tenant_id, "id": new_id(), "patient_id": key(patient), "label": "Hemoglobin A1c",
            "code": "4548-4", "code_system": "loinc", "unit": "%", "value": value, "at": began + n * timedelta(91),
            "status": "final", "source": "Lab", "made_at": datetime.now(UTC), **more,
        }
        for n, value in enumerate(numbers(values))
    ]  # fmt: skip
    async with tenant_db(world.actor("nora")) as db:
        await db.execute(sa.insert(Observation), rows)


async def test_the_chart_page_draws_what_was_measured_often(
    lakeside: World, hillcrest: World, at_browser: Any, ask: Any
) -> None:
    maria = await register(ask, lakeside)
    nora = await at_browser(lakeside, "nora")
    address = f"/people/{key(maria)}/chart"
    await measured(lakeside, maria, "9 9 9")
    assert "How results moved" not in await nora.get(address), "three are no run"
    await measured(
        lakeside, maria, "9 9.1 9 8.9 9 9 7 7.1 7 6.9 7 6.8", code="2345-7", label="Glucose, fasting"
    )
    page = await nora.get(address)
    assert "How results moved" in page
    assert "The last 6 values are all below or at the median of 8 %: this has lasted." in page
    assert page.count('class="chart-found"') == 6
    assert 'style="' not in page
    await measured(lakeside, maria, "9 9 9 9", code="1", label="Taken back", retracted=True)
    assert (
        "Taken back" not in (await nora.get(address)).split("Everything in the chart")[1].split("Problems")[0]
    )
    other = await at_browser(hillcrest, "nora")
    await other.get(address, status=404)
