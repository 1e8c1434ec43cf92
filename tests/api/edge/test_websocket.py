"""The subscription socket: who may open it, what it carries, and what ends it."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Litestar, WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.testing import TestClient

from server.graphql import websocket as module

OURS = "https://care.example.org"
PROTOCOL = ["graphql-transport-ws"]
SIGNED_IN = {"token": "lake"}
SECRET_WORDS = "Mrs Secret said"


@pytest.fixture
def opened(app_of: Callable[..., Litestar]) -> Iterator[Callable[..., Any]]:
    """Opens sockets on one app; `init` is sent as connection_init's payload and acknowledged, None sends nothing."""
    with TestClient(app_of()) as http:

        @contextmanager
        def open_one(
            *, init: Any = SIGNED_IN, protocols: list[str] = PROTOCOL, **headers: str
        ) -> Iterator[Any]:
            with http.websocket_connect("/graphql", subprotocols=protocols, headers=headers) as socket:
                if init is not None:
                    socket.send_json({"type": "connection_init", "payload": init})
                    assert socket.receive_json(timeout=5) == {"type": "connection_ack"}
                yield socket

        yield open_one


def subscribe(socket: Any, id: str, query: str, variables: Any = None) -> None:
    socket.send_json({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})


def closing(socket: Any) -> int:
    """The code the server closes with; messages before it are passed over."""
    for _ in range(100_000):
        try:
            socket.receive_json(timeout=10)
        except WebSocketDisconnect as closed:
            return int(closed.code)
    raise AssertionError("the socket stayed open")


def until(happened: Callable[[], bool], seconds: float = 3) -> bool:
    """Whether it happens in time."""
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.005)
    return happened()


# --- opening


@pytest.mark.parametrize(
    ("protocols", "headers"),
    [
        (["graphql-ws"], {}),  # the protocol before this one
        ([], {}),
        (["graphql-transport-wss"], {}),
        (PROTOCOL, {"Origin": "https://evil.example"}),
        (PROTOCOL, {"Origin": "null"}),
        (PROTOCOL, {"Origin": OURS + ".evil.example", "Authorization": "Bearer lake"}),
        (PROTOCOL, {"Cookie": "session=1"}),  # a browser names its origin
    ],
)
def test_refused_before_the_upgrade(
    opened: Any, world: Any, protocols: list[str], headers: dict[str, str]
) -> None:
    with pytest.raises(WebSocketDisconnect), opened(init=None, protocols=protocols, **headers) as socket:
        socket.receive_json(timeout=5)
    assert world.scopes == []


@pytest.mark.parametrize("headers", [{}, {"Origin": OURS}, {"Origin": OURS, "Cookie": "session=1"}])
def test_our_pages_and_programs_may_open(opened: Any, headers: dict[str, str]) -> None:
    with opened(**headers) as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json(timeout=5) == {"type": "pong"}


def test_the_newer_protocol_is_chosen_among_several(opened: Any) -> None:
    with opened(protocols=["graphql-ws", "graphql-transport-ws"]) as socket:
        subscribe(socket, "1", "subscription { ticks(upto: 1) }")
        assert socket.receive_json(timeout=5)["type"] == "next"


def test_without_connection_init_it_ends(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.INIT_SECONDS == 5
    monkeypatch.setattr(module, "INIT_SECONDS", 0.1)
    with opened(init=None) as socket:
        assert closing(socket) == 4408


def test_pings_do_not_keep_a_stranger_waiting_for_ever(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INIT_SECONDS", 0.2)
    with opened(init=None) as socket:
        for _ in range(5):
            socket.send_json({"type": "ping"})
            assert socket.receive_json(timeout=5) == {"type": "pong"}
        assert closing(socket) == 4408


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"id": "1", "type": "subscribe", "payload": {"query": "subscription { ticks }"}}, 4401),
        ({"type": "connection_init", "payload": "token"}, 4400),
        ({"type": "connection_init"}, 4403),
        ({"type": "connection_init", "payload": {"token": "expired"}}, 4403),
        ({"type": "connection_init", "payload": {"token": "nobody"}}, 4403),
    ],
)
def test_nothing_is_subscribed_before_somebody_is_known(
    opened: Any, world: Any, first: Any, code: int
) -> None:
    with opened(init=None) as socket:
        socket.send_json(first)
        assert closing(socket) == code
    assert world.live == 0


def test_a_second_connection_init(opened: Any) -> None:
    with opened() as socket:
        socket.send_json({"type": "connection_init"})
        assert closing(socket) == 4429


def test_when_the_data_is_away(opened: Any, world: Any) -> None:
    world.context_fails = True
    with opened(init=None) as socket:
        socket.send_json({"type": "connection_init"})
        assert closing(socket) == 1011
    assert len(world.logged) == 1


# --- messages


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", 4400),
        ("5", 4400),
        ("null", 4400),
        ("[]", 4400),
        ('"subscribe"', 4400),
        ("{", 4400),
        ("{}", 4400),
        ('{"type":5}', 4400),
        ('{"type":"start"}', 4400),
        ('{"type":"subscribe"}', 4400),
        ('{"type":"subscribe","id":5}', 4400),
        ('{"type":"subscribe","id":[]}', 4400),
        ('{"type":"subscribe","id":""}', 4400),
        ('{"type":"complete","id":{}}', 4400),
        ('{"type":"ping","type":"pong"}', 4400),
        ('{"type":"ping","payload":"\\ud800"}', 4400),
        ('{"type":"ping","payload":"\\u0000"}', 4400),
        ('{"type":"ping","payload":' + "[" * 5_000 + "]" * 5_000 + "}", 4400),
        (json.dumps({"type": "ping", "payload": "x" * 70_000}), 1009),
        (json.dumps({"type": "subscribe", "id": "x" * 101, "payload": {}}), 4400),
    ],
    ids=range(20),
)
def test_what_is_not_a_message_ends_the_connection(opened: Any, world: Any, message: str, code: int) -> None:
    with opened() as socket:
        socket.send_text(message)
        assert closing(socket) == code
    assert world.logged == []


def test_bytes_are_not_a_message(opened: Any) -> None:
    with opened() as socket:
        socket.send_bytes(b'{"type":"ping"}')
        assert closing(socket) == 4400


def test_too_many_messages_end_the_connection(opened: Any) -> None:
    with opened() as socket:
        for _ in range(200):
            socket.send_json({"type": "pong"})
        assert closing(socket) == 4429


# --- subscriptions


def test_a_stream_from_first_to_complete(opened: Any, world: Any) -> None:
    with opened() as socket:
        subscribe(socket, "a", "subscription($n: Int!) { ticks(upto: $n) }", {"n": 2})
        received = [socket.receive_json(timeout=5) for _ in range(3)]
        assert [m["type"] for m in received] == ["next", "next", "complete"]
        assert [m["payload"]["data"] for m in received[:2]] == [{"ticks": 0}, {"ticks": 1}]
        assert received[0]["payload"]["extensions"]["cost"]["limit"] == 20_000
        assert {m["id"] for m in received} == {"a"}
        subscribe(socket, "a", "subscription { ticks(upto: 1) }")  # its id is free again
        assert socket.receive_json(timeout=5)["type"] == "next"
    assert until(lambda: world.live == 0)


def test_complete_stops_the_stream_and_closes_its_generator(opened: Any, world: Any) -> None:
    with opened() as socket:
        subscribe(socket, "a", "subscription { ticks(upto: 1000000) }")
        assert socket.receive_json(timeout=5)["type"] == "next"
        assert world.live == 1
        socket.send_json({"id": "a", "type": "complete"})
        assert until(lambda: world.live == 0)
        socket.send_json({"id": "unknown", "type": "complete"})
        subscribe(socket, "b", "subscription { ticks(upto: 1) }")
        while (message := socket.receive_json(timeout=5))["id"] != "b":
            assert message["type"] == "next"


def test_leaving_closes_every_generator(opened: Any, world: Any) -> None:
    with opened() as socket:
        for n in range(5):
            subscribe(socket, str(n), "subscription { ticks(upto: 1000000) }")
        assert until(lambda: world.live == 5)
    assert until(lambda: world.live == 0)


def test_one_id_twice(opened: Any, world: Any) -> None:
    with opened() as socket:
        subscribe(socket, "a", "subscription { ticks(upto: 1000000) }")
        subscribe(socket, "a", "subscription { ticks(upto: 1000000) }")
        assert closing(socket) == 4409
    assert until(lambda: world.live == 0)


def error_of(socket: Any, id: str) -> Any:
    """The one error that ends subscription `id`."""
    while True:
        message = socket.receive_json(timeout=5)
        if message["type"] == "error" and message["id"] == id:
            (error,) = message["payload"]
            return error


def test_ten_and_no_more_and_places_are_freed(opened: Any, world: Any) -> None:
    with opened() as socket:
        for n in range(10):
            subscribe(socket, str(n), "subscription { ticks(upto: 1000000) }")
        subscribe(socket, "eleventh", "subscription { ticks(upto: 1) }")
        assert error_of(socket, "eleventh")["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        assert until(lambda: world.live == 10)
        socket.send_json({"id": "0", "type": "complete"})
        assert until(lambda: world.live == 9)
        subscribe(socket, "twelfth", "subscription { ticks(upto: 1000000) }")
        assert until(lambda: world.live == 10)


def test_a_thousand_subscribes(opened: Any, world: Any) -> None:
    most = 0
    with opened() as socket:
        for n in range(1_000):
            subscribe(socket, str(n), "subscription { ticks(upto: 1000000) }")
            most = max(most, world.live)
        assert closing(socket) == 4429
    assert most <= 10
    assert until(lambda: world.live == 0)


def test_failed_subscriptions_do_not_use_up_places(opened: Any) -> None:
    with opened() as socket:
        for n in range(30):
            subscribe(socket, str(n), "subscription { nope }")
            assert error_of(socket, str(n))["extensions"]["code"] == "BAD_QUERY"
        subscribe(socket, "good", "subscription { ticks(upto: 1) }")
        assert socket.receive_json(timeout=5)["type"] == "next"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "subscription { closedBooks }"}, "NOT_ALLOWED"),
        ({"query": "{ hello }"}, "SUBSCRIPTIONS_ONLY"),
        ({"query": 'mutation { requestReset(email: "a@b.c") { __typename } }'}, "SUBSCRIPTIONS_ONLY"),
        ({"query": "subscription { ticks"}, "BAD_SYNTAX"),
        ({"query": "subscription { nope }"}, "BAD_QUERY"),
        ({"query": "subscription { " + "ticks " * 2_000 + "}"}, "DOCUMENT_TOO_LONG"),
        ({"query": "subscription { ...A } fragment A on Subscription { ...A }"}, "FRAGMENT_CYCLE"),
        (
            {"query": "subscription { " + " ".join(f"a{n}: ticks" for n in range(40)) + " }"},
            "TOO_MANY_ROOT_FIELDS",
        ),
        ({"query": "subscription($n: Int!) { ticks(upto: $n) }", "variables": {"n": "x"}}, "BAD_INPUT"),
        ({"query": "subscription { ticks }", "variables": []}, "NOT_A_REQUEST"),
        ({"query": 5}, "NOT_A_REQUEST"),
        ({}, "NOT_A_REQUEST"),
        (None, "NOT_A_REQUEST"),
        ([{"query": "subscription { ticks }"}], "BATCHING_OFF"),
    ],
    ids=range(14),
)
def test_every_document_meets_the_same_limits(opened: Any, world: Any, payload: Any, code: str) -> None:
    with opened() as socket:
        socket.send_json({"id": "a", "type": "subscribe", "payload": payload})
        error = error_of(socket, "a")
        assert error["extensions"]["code"] == code
        assert error["extensions"]["nextStep"]
        socket.send_json({"type": "ping"})  # the connection itself goes on
        assert socket.receive_json(timeout=5) == {"type": "pong"}
    assert (world.live, world.guesses, world.logged) == (0, 0, [])


def test_a_stream_that_fails_is_masked(opened: Any, world: Any) -> None:
    with opened() as socket:
        subscribe(socket, "a", "subscription { failing }")
        assert socket.receive_json(timeout=5)["payload"]["data"] == {"failing": 1}
        message = socket.receive_json(timeout=5)
    assert SECRET_WORDS not in json.dumps(message)
    assert message["payload"][0]["extensions"]["code"] == "INTERNAL"
    assert len(world.logged) == 1


def test_a_session_that_ends_takes_its_socket_along(
    opened: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.RECHECK_SECONDS * 2 <= 5  # the question and its answer
    monkeypatch.setattr(module, "RECHECK_SECONDS", 0.05)
    with opened() as socket, opened(init={"token": "hill"}) as other:
        subscribe(socket, "a", "subscription { ticks(upto: 1000000) }")
        assert socket.receive_json(timeout=5)["type"] == "next"
        time.sleep(0.2)
        assert world.live == 1
        del world.sessions["lake"]
        assert closing(socket) == 4403
        other.send_json({"type": "ping"})
        assert other.receive_json(timeout=5) == {"type": "pong"}
    assert until(lambda: world.live == 0)


def test_a_question_that_cannot_be_answered_is_a_no(
    opened: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECHECK_SECONDS", 0.05)
    with opened() as socket:
        world.sessions = None  # asking raises
        assert closing(socket) == 4403
    assert len(world.logged) == 1


def test_a_client_that_stops_reading_is_let_go(
    opened: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_SECONDS", 0.1)
    real = WebSocket.send_data

    async def stuck(self: Any, data: Any, *more: Any) -> None:
        if '"next"' in data:
            await asyncio.sleep(60)
        await real(self, data, *more)

    monkeypatch.setattr(WebSocket, "send_data", stuck)
    with opened() as socket:
        for n in range(3):
            subscribe(socket, str(n), "subscription { ticks(upto: 1000000) }")
        assert closing(socket) == 1013
    assert until(lambda: world.live == 0)
    assert world.logged == []
