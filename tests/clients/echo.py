"""The tool that benchmarks call, served by the Python SDK. Prints its origin, and ends with its standard input."""

import asyncio
import logging
import socket
import sys
from typing import TypedDict

import uvicorn
from mcp.server.mcpserver import MCPServer

logging.disable(logging.INFO)
server = MCPServer("echo")


class Said(TypedDict):
    text: str
    number: int


@server.tool()
def echo(text: str, number: int) -> Said:
    """Says it again."""
    return {"text": text, "number": number}


async def main():
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    listener = socket.create_server(("127.0.0.1", 0))
    serving = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

    async def end():
        await asyncio.to_thread(sys.stdin.read)
        serving.should_exit = True

    ending = asyncio.create_task(end())
    await serving.serve(sockets=[listener])
    await ending


asyncio.run(main())
