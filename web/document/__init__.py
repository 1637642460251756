"""What dibs says about itself: the AsyncAPI document of the wire protocol, the OpenAPI document of the rest, and pages to read them on.

Everything is made from the code's own types and tables, so that it cannot say anything else than the server does.
"""
