"""The door to the outside: sockets, HTTP, the command line. The path of a frame:

    socket -> web.socket -> Session -> UserActor or AgentActor -> StoreActor -> StorageActor -> append.lua
              (text)        (types,    (rights, rate,             (decides on    (one batch     (judges,
                             bounds)    id of the sender)          the tip)       on its way)    numbers, keeps)
                                                                       |
    socket <- web.socket <- Session <- UserActor and AgentActors <-----+ settled: moves the chat, answers, fans out
              (payloads)   (cursor,    (every tab)
                            outbox)

A socket has come to `web.socket` by way of `web.gate` (accepts, counts, refuses), `web.connection` (HTTP) and `web.arrival` (who really
asks).
`web.serve` builds all of it; nothing else knows more than its neighbour.
"""
