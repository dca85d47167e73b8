"""Listens on NATS as anybody would, with nats-py: writes each message as a line of JSON."""

import asyncio
import json
import sys

import nats


async def main(url, subject):
    async def heard(message):
        headers = message.headers or {}
        line = {"subject": message.subject, "id": headers.get("Nats-Msg-Id"), "json": json.loads(message.data)}
        print(json.dumps(line), flush=True)

    async def ignore(_error):
        pass

    connection = await nats.connect(url, error_cb=ignore, max_reconnect_attempts=-1)
    await connection.subscribe(subject, cb=heard)
    await connection.flush()
    print(json.dumps({"ready": True}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
