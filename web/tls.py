"""TLS of dibs' own: a certificate that is looked at before anybody is let in, TLS 1.2 and later, HTTP/1.1 only."""

import ssl
from pathlib import Path

from web.setting import StartError

_NOT_YET, _EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    """The context of a server that shows `cert`; raises StartError for what no client would accept, or nobody can read."""
    for option, path in (("--cert", cert), ("--key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise StartError(f"{option}: {path} cannot be read: {error.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except _Locked:
        raise StartError(f"--key: {key} has a password; dibs needs a key without one") from None
    except ssl.SSLError as error:
        raise StartError(_reason(cert, key, error)) from None
    _try(context, cert)
    return context


class _Locked(Exception):
    """The key has a password."""


def _no_password() -> str:
    """Asked where a key has one: OpenSSL would ask the terminal."""
    raise _Locked


def _reason(cert: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"--key: {key} is not the key of the certificate {cert}"
    return f"--cert and --key: {cert} and {key} cannot be used: {(error.reason or 'no PEM in it').lower().replace('_', ' ')}"


def _try(context: ssl.SSLContext, cert: Path) -> None:
    """A handshake in memory with a client that trusts this very certificate, for what only a client looks at: its time."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cert)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up), context.wrap_bio(up, down, server_side=True)]
    for end in ends * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in (_NOT_YET, _EXPIRED):
                raise StartError(f"--cert: {cert}: {error.verify_message}") from None
            return  # another chain may please another client
