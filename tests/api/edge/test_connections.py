"""Global ids, `node`, cursors and pages."""

import base64
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Refused
from server.graphql import connections
from server.graphql.connections import (
    Ordering,
    global_id,
    id_of,
    node_kind,
    node_kinds,
    page_from_rows,
    parts_of,
    rows_to_fetch,
    use_cursor_secret,
)
from server.ids import new_id

HERE, THERE = UUID(int=1), UUID(int=2)
NAMES = Ordering("test.names", str, date, UUID)


def refusal(call: Any, *args: Any, **kwargs: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)
    return caught.value


# --- ids


def test_an_id_goes_round() -> None:
    id = new_id()
    assert id_of("Patient", global_id("Patient", id)) == id
    assert parts_of(global_id("CareTeamMember", id)) == ("CareTeamMember", id)


def test_every_id_that_is_not_ours_is_the_same_answer() -> None:
    id = UUID("018f2b6e-0000-7000-8000-000000000001")
    ours = global_id("Patient", id)
    wrong = [
        "", "x", "é", "\n", "=" * 50, ours + "=", ours[:-1], " " + ours, ours.lower(), "A" * 100_000,
        global_id("Claim", id),
        base64.b64encode(f"Patient:{str(id).upper()}".encode()).decode(),
        base64.b64encode(f"Patient:{{{id}}}".encode()).decode(),
        base64.b64encode(f"Patient:{id}:1".encode()).decode(),
        base64.b64encode(f"Patient {id}".encode()).decode(),
        base64.b64encode(b"Patient:1").decode(),
        base64.b64encode(b"\xff\xfe:" + str(id).encode()).decode(),
        str(id),
    ]  # fmt: skip
    answers = {
        (r.code, r.message, r.next_step, r.field) for r in (refusal(id_of, "Patient", text) for text in wrong)
    }
    assert len(answers) == 1
    ((code, message, _, _),) = answers
    assert (code, message) == ("NOT_FOUND", "There is no such patient in this practice.")
    assert "care team member" in refusal(id_of, "CareTeamMember", "x").message
    assert "colleague" in refusal(id_of, "Staff", "x", what="colleague").message


@given(st.text(max_size=80))
def test_no_text_makes_it_stumble(text: str) -> None:
    parts = parts_of(text)
    assert parts is None or global_id(*parts) == text


def test_kinds_are_registered_once() -> None:
    with pytest.raises(ValueError, match="already"):
        node_kind("Person", permission="people.read", loader=None)  # type: ignore[arg-type]
    assert ("Person", "people.read") in [(kind.kind, kind.permission) for kind in node_kinds()]


def test_node_asks_for_the_permission_of_the_kind(client: Any, world: Any) -> None:
    id = client.ask("{ people(first: 1) { edges { node { id } } } }").json()["data"]["people"]["edges"][0][
        "node"
    ]["id"]
    query = f'{{ node(id: "{id}") {{ __typename id }} }}'
    assert client.ask(query).json()["data"]["node"] == {"__typename": "Person", "id": id}
    world.sessions["lake"].rights = frozenset()
    assert client.ask(query).json()["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"
    assert client.ask(query, token="").json()["errors"][0]["extensions"]["code"] == "SIGN_IN_NEEDED"


# --- cursors


def test_a_cursor_goes_round_with_types() -> None:
    order = Ordering("test.all", str, int, bool, date, datetime, Decimal, UUID)
    cursors = order.within(HERE)
    values = (
        'Ödön, "x"',
        -5,
        True,
        date(2026, 2, 28),
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        Decimal("1.50"),
        HERE,
    )
    assert cursors.read(cursors.write(*values)) == values
    nothing = (None,) * 7
    assert cursors.read(cursors.write(*nothing)) == nothing
    assert cursors.read(None) is None


def test_the_same_row_has_the_same_cursor_and_hides_its_values() -> None:
    cursors = NAMES.within(HERE)
    cursor = cursors.write("Secretname", date(1950, 1, 1), HERE)
    assert cursor == cursors.write("Secretname", date(1950, 1, 1), HERE)
    assert b"Secret" not in base64.urlsafe_b64decode(cursor + "==")


def test_any_change_of_a_cursor_is_noticed() -> None:
    cursors = NAMES.within(HERE)
    cursor = cursors.write("Ada", date(1950, 1, 1), HERE)
    for place in range(len(cursor) - 1):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert refusal(cursors.read, changed).code == "BAD_CURSOR"
    for other in ("", "x", "é", cursor[:-4], cursor + "AAAA", "A" * 5_000, " " + cursor):
        assert refusal(cursors.read, other).code == "BAD_CURSOR"


def test_a_cursor_belongs_to_its_ordering_and_practice() -> None:
    cursor = NAMES.within(HERE).write("Ada", date(1950, 1, 1), HERE)
    refused = refusal(NAMES.within(THERE).read, cursor)
    assert (refused.code, refused.field) == ("BAD_CURSOR", "after")
    assert refusal(Ordering("test.others", str, date, UUID).within(HERE).read, cursor).code == "BAD_CURSOR"
    assert refusal(Ordering("test.names", str, UUID).within(HERE).read, cursor).code == "BAD_CURSOR"


def test_cursors_are_shared_by_whoever_shares_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_keys", list(connections._keys))
    cursors = NAMES.within(HERE)
    row = ("Ada", date(1950, 1, 1), HERE)
    use_cursor_secret(b"a" * 32)
    cursor = cursors.write(*row)
    use_cursor_secret(b"b" * 32)
    assert refusal(cursors.read, cursor).code == "BAD_CURSOR"
    use_cursor_secret(b"a" * 32)
    assert cursors.read(cursor) == row
    with pytest.raises(ValueError, match="32"):
        use_cursor_secret(b"short")


def test_an_ordering_knows_its_types() -> None:
    with pytest.raises(TypeError, match="float"):
        Ordering("test.wrong", str, float)
    with pytest.raises(TypeError, match="no columns"):
        Ordering("test.empty")


# --- pages


@pytest.mark.parametrize("first", [1, 50, 200])
def test_rows_to_fetch_is_one_more(first: int) -> None:
    assert rows_to_fetch(first) == first + 1


@pytest.mark.parametrize("first", [0, -1, 201, 10**9])
def test_a_page_has_1_to_200_rows(first: int) -> None:
    assert refusal(rows_to_fetch, first).code == "BAD_PAGE_SIZE"


def test_a_page_and_its_edges() -> None:
    page = page_from_rows([1, 2, 3], 2, cursor_of=lambda n: f"c{n}", node_of=lambda n: n * 10)
    assert [(edge.cursor, edge.node) for edge in page.edges] == [("c1", 10), ("c2", 20)]
    info = page.page_info
    assert (info.has_next_page, info.has_previous_page, info.start_cursor, info.end_cursor) == (
        True,
        False,
        "c1",
        "c2",
    )
    last = page_from_rows([3], 2, cursor_of=str, after="c2").page_info
    assert (last.has_next_page, last.has_previous_page) == (False, True)
    empty = page_from_rows([], 2, cursor_of=str)
    assert (empty.edges, empty.page_info.start_cursor, empty.page_info.end_cursor) == ([], None, None)


@pytest.mark.parametrize("size", [1, 7, 50, 120, 200])
def test_walking_the_pages_meets_everybody_once(client: Any, size: int) -> None:
    query = "query($n: Int!, $after: String) { people(first: $n, after: $after) { edges { node { name } } pageInfo { hasNextPage endCursor } } }"
    met: list[str] = []
    after = None
    for _ in range(130):
        page = client.ask(query, {"n": size, "after": after}).json()["data"]["people"]
        met += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert met == [f"Lake {n:03}" for n in range(120)]


def test_another_practices_cursor_is_like_a_made_up_one(client: Any) -> None:
    query = "query($after: String) { people(first: 2, after: $after) { edges { cursor } } }"
    foreign = client.ask(query, token="hill").json()["data"]["people"]["edges"][0]["cursor"]
    answers = [client.ask(query, {"after": after}).json() for after in (foreign, "A" * len(foreign))]
    assert answers[0] == answers[1]
    assert answers[0]["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


def test_page_sizes_are_declared_in_the_schema(schema: Any) -> None:
    argument = schema._schema.query_type.fields["people"].args["first"]
    assert "1 to 200" in argument.description
    assert str(argument.type) == "Int!"
    assert "first: Int! = 50" in schema.as_str()
