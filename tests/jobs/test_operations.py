"""Background work as people see it: over GraphQL, on its page and by command, in its own practice only."""

import json
from typing import Any

import pytest
from cast import World
from newcomer import say
from two_practices import failed_job

from server.errors import Refused
from server.tenants import commands
from server.tenants.db import tenant_db
from server.worker import drain_once

pytestmark = pytest.mark.usefixtures("real_kinds")

JOBS = """query ($state: JobState!) { jobs(state: $state) { edges { node {
  id kind said state attempts lastError reason about patientId startedAt doneAt } } pageInfo { hasNextPage } } }"""
RETRY = "mutation ($id: ID!) { retryJob(id: $id) { ... on Job { id state attempts } ... on Refusal { code message } } }"
RETRY_ALL = "mutation ($kind: Line) { retryJobs(kind: $kind) { ... on RetriedJobs { number } ... on Refusal { code } } }"
GIVE_UP = """mutation ($input: GiveUpJobInput!) { giveUpJob(input: $input) {
  ... on Job { id state reason } ... on Refusal { code field } } }"""


async def listed(ask: Any, world: World, state: str) -> list[dict[str, Any]]:
    answer = await ask(world, "ada", JOBS, state=state)
    assert answer["errors"] == []
    return [edge["node"] for edge in answer["data"]["jobs"]["edges"]]


async def test_what_failed_is_listed_in_plain_words_and_without_anybodys(
    lakeside: World, hillcrest: World, ask: Any
) -> None:
    await failed_job(lakeside, 1)
    (job,) = await listed(ask, lakeside, "DEAD")
    assert job["said"] == "Add up the minutes of a month after a change"
    assert (job["about"], job["attempts"], job["patientId"]) == ("2001-01", 8, None)
    assert job["lastError"].startswith("builtins.ValueError at server/minutes/recount.py")
    assert await listed(ask, hillcrest, "DEAD") == []
    for who in ("nora", "dr_lin", "bill", "fred", "mona", "mika"):
        answer = await ask(lakeside, who, JOBS, state="DEAD")
        assert answer["errors"][0]["extensions"]["code"] == "NOT_ALLOWED"


async def test_a_failed_job_is_tried_again_from_its_first_attempt(
    lakeside: World, hillcrest: World, ask: Any, ledger: Any
) -> None:
    await failed_job(lakeside, 1)
    (job,) = await listed(ask, lakeside, "DEAD")
    refused = (await ask(hillcrest, "ada", RETRY, id=job["id"]))["data"]["retryJob"]
    assert refused["code"] == "NOT_FOUND"
    told = (await ask(lakeside, "ada", RETRY, id=job["id"]))["data"]["retryJob"]
    assert (told["state"], told["attempts"]) == ("READY", 0)
    again = (await ask(lakeside, "ada", RETRY, id=job["id"]))["data"]["retryJob"]
    assert again["code"] == "JOB_NOT_FAILED"
    assert await ledger.due_now(lakeside) is True, "the worker is rung for"
    await drain_once()
    (done,) = [job for job in await listed(ask, lakeside, "DONE") if job["about"] == "2001-01"]
    assert done["startedAt"] is not None


async def test_all_of_a_kind_are_tried_again_at_once(lakeside: World, hillcrest: World, ask: Any) -> None:
    for number in range(3):
        await failed_job(lakeside, number)
    await failed_job(hillcrest, 1)
    told = (await ask(lakeside, "ada", RETRY_ALL, kind="minutes.prove"))["data"]["retryJobs"]
    assert told["code"] == "NOTHING_FAILED"
    assert (await ask(lakeside, "ada", RETRY_ALL, kind="recount"))["data"]["retryJobs"] == {"number": 3}
    assert len(await listed(ask, hillcrest, "DEAD")) == 1


async def test_giving_up_needs_a_reason_and_is_for_good(lakeside: World, ask: Any) -> None:
    await failed_job(lakeside, 1)
    (job,) = await listed(ask, lakeside, "DEAD")

    async def give_up(reason: str) -> dict[str, Any]:
        answer = await ask(lakeside, "ada", GIVE_UP, input={"jobId": job["id"], "reason": reason})
        return answer["data"]["giveUpJob"] if not answer["errors"] else answer["errors"][0]["extensions"]

    assert (await give_up("\u200b"))["code"].startswith("TEXT_")
    told = await give_up("The month is not billed")
    assert (told["state"], told["reason"]) == ("GIVEN_UP", "The month is not billed")
    assert (await give_up("again"))["code"] == "JOB_NOT_FAILED"
    assert await listed(ask, lakeside, "DEAD") == []
    assert await drain_once() == 0


async def test_the_page_says_what_failed_waits_and_comes_round(
    lakeside: World, hillcrest: World, browse: Any, real_schedules: None
) -> None:
    await failed_job(lakeside, 1)
    page = (await browse(lakeside, "ada").get("/practice/work")).text
    for words in ("Add up the minutes of a month after a change", "January 2001", "Try again", "What comes round by itself",
                  "every day at 2:40 am", "on the first of every month at 3:00 am", "Not proved yet"):  # fmt: skip
        assert words in page, words
    empty = (await browse(hillcrest, "ada").get("/practice/work")).text
    assert "Nothing has failed" in empty
    assert "Nothing waits" in empty
    assert (await browse(lakeside, "nora").get("/practice/work")).status_code == 403


async def test_on_the_page_a_job_is_tried_again_or_given_up(
    lakeside: World, hillcrest: World, browse: Any
) -> None:
    from page_forms import csrf_of

    first, second = await failed_job(lakeside, 1), await failed_job(lakeside, 2)
    ada, token = browse(lakeside, "ada"), {"_csrf": csrf_of(lakeside, "ada")}
    assert "Why" in (await ada.get(f"/practice/work/{first}")).text
    assert (await browse(hillcrest, "ada").get(f"/practice/work/{first}")).status_code == 404
    assert (await ada.post(f"/practice/work/{first}/give-up", data=token)).status_code == 422
    gave_up = await ada.post(
        f"/practice/work/{first}/give-up", data={**token, "reason": "Not needed any more"}
    )
    assert gave_up.status_code == 303
    assert "Not needed any more" in (await ada.get(f"/practice/work/{first}")).text
    assert (await ada.post(f"/practice/work/{first}/retry", data=token)).status_code == 422
    assert (await ada.post(f"/practice/work/{second}/retry", data=token)).status_code == 303
    assert (await ada.post("/practice/work/retry", data={**token, "kind": "recount"})).status_code == 422
    assert "Nothing has failed" in (await ada.get("/practice/work")).text


async def test_the_nightly_proof_is_told_and_a_difference_is_loud(
    lakeside: World, ask: Any, browse: Any, behind: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from every_kind import At, samples

    proof = "{ lastTotalProof { day compared different } schedules { name said rule nextAt lastJob } }"
    assert (await say(ask, lakeside, "ada", proof)) is None
    at = At(lakeside, lakeside, behind)
    await samples()["minutes.prove"].situation(at)
    await drain_once()
    told = (await ask(lakeside, "ada", proof))["data"]
    assert told["lastTotalProof"] == {"day": "2026-11-02", "compared": 4, "different": 3}
    assert "3 of 4 totals were wrong" in (await browse(lakeside, "ada").get("/practice/work")).text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "totals_differed" in line]
    assert [(line["event"], line["level"], line["count"]) for line in lines] == [
        ("minutes.totals_differed", "error", 3)
    ]
    assert lines[0]["practice"] == str(lakeside.tenant_id)


async def test_the_commands_list_and_retry(lakeside: World, hillcrest: World) -> None:
    await failed_job(lakeside, 1)
    (row,) = await commands.failed_jobs(lakeside.slug)
    assert (row["kind"], row["about"], row["attempts"]) == ("recount", "2001-01", 8)
    assert await commands.failed_jobs(hillcrest.slug) == []
    assert (await commands.retry_failed_jobs(lakeside.slug, ""))["retried"] == 1
    with pytest.raises(Refused, match="NOTHING_FAILED"):
        await commands.retry_failed_jobs(lakeside.slug, "")
    with pytest.raises(Refused, match="NO_SUCH_PRACTICE"):
        await commands.failed_jobs("nowhere")


async def test_the_audit_is_verified_by_command(
    lakeside: World, behind: Any, real_heads: None, ledger: Any
) -> None:
    from server.tenants import seal
    from server.tenants.db import doors

    actor = lakeside.actor("nora")
    for _ in range(3):
        async with tenant_db(actor) as db:
            db.note(actor, "patient.open", entity="patient")
    await seal.tick(doors())
    told = await commands.verify_audit(lakeside.slug)
    assert (told["failed"], told["events"], told["breaches"]) == (False, 3, [])
    await ledger._all("update audit_event set action = 'nothing' where tenant_id = :t and id in (select event_id from "
                      "audit_seal where number = 2)", t=lakeside.tenant_id)  # fmt: skip
    told = await commands.verify_audit(lakeside.slug)
    assert told["failed"] is True
    assert [(one["code"], one["first"]) for one in told["breaches"]] == [("EDITED", 2)]
    assert "EDITED" in told["says"]
