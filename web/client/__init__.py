"""A client of the wire protocol for Python: a bot, a back end, a terminal, a load generator. Speaks nothing but the protocol.

    async with Client("ws://127.0.0.1:8000/ws", token) as client:
        await client.claim("demo", "u1")
        await client.send("demo", {"text": "It is!"}, user="u1")
        async for event in client:
            ...

What is asked is answered once, whatever happens to the network: a command waits in the outbox, is sent again with the same `id` after
every reconnect, and takes effect once. What is told comes once and in order: the client resumes from what it holds and leaves out what it
had. `actors.told` has the events.
"""

from web.client.client import Client, Closed, Connected, Disconnected, Event, Place, Refused

__all__ = ["Client", "Closed", "Connected", "Disconnected", "Event", "Place", "Refused"]
