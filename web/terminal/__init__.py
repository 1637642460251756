"""`dibs chat`: a chat in a terminal, on the public protocol and nothing else.

`line` says what a typed line means, `show` how an event looks, `unsent` keeps what has no answer yet, `chat` brings them together over a
`web.client.Client`, and `screen` is the terminal itself.
"""
