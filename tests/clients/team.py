"""A user of the Planner, with the Python SDK. Prints what came of it as JSON; the key is in YONIN_KEY.

team.py use URL MODE APP                    lists tools; has an app built, reads what was made; is asked, and approves; cancels
team.py many URL MODE COUNT APP             submits COUNT tasks, and waits for each, whatever becomes of its connections
team.py decide URL MODE APP GOAL DECISION   is asked about the goal's change, and says: approve, or decline
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

GOAL = "posts(title:string!)"
ENDED = ("succeeded", "failed", "cancelled")
PARTS = ("", "/plan", "/design", "/changes", "/verdict", "/diff")
AT_ONCE = 8
forms = []


async def approve(_context, asked):
    """A person who fills in the form that is shown."""
    forms.append(asked.message)
    fields = asked.requested_schema["properties"]
    choice = next(name for name, field in fields.items() if "enum" in field or "oneOf" in field)
    words = fields[choice].get("enum") or [one["const"] for one in fields[choice]["oneOf"]]
    return types.ElicitResult(action="accept", content={choice: next(word for word in words if "approve" in word)})


async def decline(_context, asked):
    """A person who does not want to."""
    forms.append(asked.message)
    return types.ElicitResult(action="decline")


@asynccontextmanager
async def connected(url, mode, asked=approve):
    headers = {"Authorization": f"Bearer {os.environ['YONIN_KEY']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode, elicitation_callback=asked) as client:
            yield client


async def call(client, tool, arguments, key=None):
    meta = {"dev.yonin/idempotencyKey": key} if key else None
    result = await client.call_tool(tool, arguments, meta=meta)
    if result.is_error:
        raise ValueError(f"{tool}: {result.content[0].text}")
    # What clients read that know no structured content.
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def submit(client, app, key, approval="destructive", goal=GOAL):
    return (await call(client, "submit_task", {"goal": goal, "app": app, "approval": approval}, key))["job_id"]


async def until(client, id, statuses):
    while True:
        task = await call(client, "wait_task", {"id": id, "seconds": 20})
        if task["status"] in statuses:
            return task
        assert task["status"] not in ENDED, task


async def read(client, id):
    """All that is there to read of a task."""
    parts = {}
    for part in PARTS:
        contents = (await client.read_resource(f"yonin://tasks/{id}{part}")).contents
        parts[part] = len(contents[0].text)
    return parts


async def use(url, mode, app):
    async with connected(url, mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        built = await until(client, await submit(client, app, f"{app}-built"), ENDED)
        read_of = await read(client, built["id"])
        # It is asked for a form by the call that waits.
        asks = await submit(client, app, f"{app}-asks", "always", f"{GOAL}; tags(name:string!)")
        approved = await until(client, asks, ENDED)
        # The form that it asks is not shown to a client that cannot show one.
        async with connected(url, "legacy", asked=None) as formless:
            id = await submit(formless, app, f"{app}-cancelled", "always", f"{GOAL}; tags(name:string!); more(name:string!)")
            await until(formless, id, ("waiting",))
            await call(formless, "cancel_task", {"id": id})
            cancelled = await until(formless, id, ENDED)
        return {
            "protocol": client.protocol_version,
            "tools": tools,
            "read": read_of,
            "forms": len(forms),
            "tasks": {name: task["id"] for name, task in (("built", built), ("approved", approved), ("cancelled", cancelled))},
        }


async def decide(url, mode, app, goal, decision):
    async with connected(url, mode, {"approve": approve, "decline": decline}[decision]) as client:
        task = await until(client, await submit(client, app, f"{app}-{decision}", goal=goal), ENDED)
        return {"protocol": client.protocol_version, "id": task["id"], "forms": forms}


def is_outage(error):
    """The connection broke, or there was none; the server said nothing."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_outage(inner) for inner in error.exceptions)
    if isinstance(error, MCPError):
        # What the SDK says of a stream that ended without an answer.
        return error.error.code in (types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT)
    return isinstance(error, (httpx2.TransportError, ConnectionError, OSError))


async def persistently(url, mode, work):
    """Does it over a new connection, until the connection holds."""
    outages = 0
    while True:
        try:
            async with connected(url, mode) as client:
                return outages, await work(client)
        except BaseException as error:
            if not is_outage(error):
                raise
            outages += 1
            await asyncio.sleep(0.05)


async def many(url, mode, count, app):
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(number):
        # Most goals can't be understood, which fails them at once; every hundredth is built.
        goal, key = (GOAL, f"{app}-{number}") if number % 100 == 0 else ("Make it nice.", f"{app}-{number}")
        async with turn:
            broken, id = await persistently(url, mode, lambda client: submit(client, f"{app}{number}", key, "auto", goal))
            again, task = await persistently(url, mode, lambda client: until(client, id, ENDED))
        return key, {"id": id, "status": task["status"], "outages": broken + again}

    return dict(await asyncio.gather(*(one(number) for number in range(int(count)))))


async def main():
    what, url, mode, *rest = sys.argv[1:]
    print(json.dumps(await {"use": use, "many": many, "decide": decide}[what](url, mode, *rest)))


asyncio.run(main())
