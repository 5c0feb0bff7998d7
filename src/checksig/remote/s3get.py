"""GetObject with less work for each request than aiobotocore does.

aiobotocore spends most of its time on what is the same for all objects of a bucket. So its first
request for one is watched. If a request made here would have had the same address, headers and
signature, the next ones are made here, with the client's credentials: by :mod:`.plainhttp`,
through connections of its own, or by asyncio through those of the client. If not, because of some
setting, and whenever the answer is unexpected, aiobotocore makes the request.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib
import time
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .plainhttp import NotPlainError, Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typing_extensions import Self

    from .plainhttp import Answer, Connections, Memory, Take

__all__ = ["Getter", "StatusError"]

_ATTEMPTS = 3
"""How often a bucket's requests are watched: the time of two signatures may differ by chance."""

_KEPT = {"user-agent", "x-amz-checksum-mode"}
_SIGNED = {"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
_VARYING = {"if-match", "range"}
_UNSIGNED = {"amz-sdk-invocation-id", "amz-sdk-request"}
"""The headers of a request: any other one is the effect of a setting that is not known here."""

_FINAL = {404, 408, 412, 416, 429, 500, 502, 503, 504}
"""The statuses of answers that aiobotocore could do nothing about but wait."""

_BUFFER = 1 << 20
"""How many bytes a connection may be ahead of its reader."""

_CREDENTIAL_SECONDS = 30.0
"""How long the same credentials are used: they are renewed minutes before they expire."""


_EMPTY = hashlib.sha256(b"").hexdigest()
"""The digest of the body of a request."""


class StatusError(OSError):
    """The store has answered with an error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the store answered with status {status}")
        self.status = status


class _Body:
    """The body of an answer."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def read(self, size: int) -> bytes:
        """Return the next bytes as they came, which are not copied; nothing at the end.

        :raises OSError: they are more than *size*.
        """
        is_end = True
        data = b""
        while is_end and not data:  # of a chunk, not of the body
            data, is_end = await self._response.content.readchunk()
        if len(data) > size:
            raise OSError("more bytes than were asked for came")
        return bytes(data)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class _Template:
    """What the requests for all objects of a bucket have in common."""

    def __init__(self, event: dict[str, Any], prefix: str, headers: dict[str, str]) -> None:
        self._signer = event["request_signer"]
        self._signing = {
            name: event[name] for name in ("signing_name", "region_name", "signature_version")
        }
        context = event["request"].context
        for name in ("region", "signing_name"):  # of the endpoint, as in botocore
            if context.get("signing", {}).get(name):
                key = {"region": "region_name"}.get(name, name)
                self._signing[key] = context["signing"][name]
        self._context = {key: value for key, value in context.items() if key != "timestamp"}
        self._prefix = prefix
        self._headers = headers
        self._request: Any = importlib.import_module("botocore.awsrequest").AWSRequest
        self._auth: Any = None
        self._until = 0.0
        self._place = Place.of(prefix)
        self._key: tuple[Any, bytes] = (None, b"")
        self._is_known = False

    async def sign(self, key: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return the address and the headers of a request for an object."""
        self._auth = await self._signer.get_auth_instance(**self._signing)
        self._until = time.monotonic() + _CREDENTIAL_SECONDS
        url = self._prefix + _quoted(key)
        request = self._request(method="GET", url=url, headers={**self._headers, **headers})
        request.context.update(self._context)
        self._auth.add_auth(request)
        return url, dict(request.headers.items())

    def note(self, key: str, headers: dict[str, str], sent: dict[str, str]) -> None:
        """Let :meth:`sign_here` sign if it would have signed what was sent in the same way."""
        if self._place is not None and "x-amz-date" in sent:
            _, _, ours = self.sign_here(key, headers, sent["x-amz-date"])
            self._is_known = {name.lower(): value for name, value in ours.items()} == sent

    def is_ready(self) -> bool:
        """Whether the credentials of the last request are recent enough to be used again."""
        return self._is_known and time.monotonic() < self._until

    def sign_here(
        self, key: str, headers: dict[str, str], stamp: str | None = None
    ) -> tuple[Place, str, dict[str, str]]:
        """Return the server, the path and the headers of a request for an object.

        This is version 4 of the signatures of AWS, with the credentials of the last request.
        """
        assert self._place is not None  # noqa: S101 - for type checkers
        place, prefix = self._place
        path = prefix + _quoted(key)
        auth, stamp = self._auth, stamp or time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        sent = {**self._headers, **headers, "X-Amz-Date": stamp, "X-Amz-Content-SHA256": _EMPTY}
        if auth.credentials.token:
            sent["X-Amz-Security-Token"] = auth.credentials.token
        signed = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
        signed.pop("user-agent", None)
        signed["host"] = place.name
        fields = sorted(signed.items())
        names = ";".join([name for name, _ in fields])
        lines = "".join([f"{name}:{value}\n" for name, value in fields])
        request = f"GET\n{path}\n\n{lines}\n{names}\n{_EMPTY}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        scope = f"{stamp[:8]}/{auth._region_name}/{auth._service_name}/aws4_request"  # noqa: SLF001
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
        secret = auth.credentials.secret_key
        signature = hmac.digest(self._signing_key(secret, scope), text.encode(), "sha256").hex()
        sent["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={auth.credentials.access_key}/{scope},"
            f" SignedHeaders={names}, Signature={signature}"
        )
        return place, path, sent

    def _signing_key(self, secret: str, scope: str) -> bytes:
        """Return the key of a day, which is the same for all requests."""
        known, key = self._key
        if known != (secret, scope):
            key = f"AWS4{secret}".encode()
            for part in scope.split("/"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (secret, scope), key
        return key


class _Watch:
    """Takes what aiobotocore does for a request."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.event: dict[str, Any] | None = None
        self.template: _Template | None = None

    async def compare(self, sent: Any) -> None:
        """Keep a template if it gives the request that is being sent."""
        event, self.template = self.event, None
        if event is None or event["signature_version"] != "s3v4":
            return
        context = event["request"].context.get("signing", {})
        if {"request_credentials", "identity_cache"} & context.keys():
            return
        headers = {name.lower(): _text(value) for name, value in sent.headers.items()}
        headers = {name: value for name, value in headers.items() if name not in _UNSIGNED}
        if sent.method != "GET" or sent.body or headers.keys() - _KEPT - _SIGNED - _VARYING:
            return
        path = "/" + _quoted(self.key)
        if not sent.url.endswith(path) or "?" in sent.url:
            return
        kept = {name: _text(value) for name, value in sent.headers.items() if name.lower() in _KEPT}
        varying = {name: value for name, value in headers.items() if name in _VARYING}
        template = _Template(event, sent.url[: 1 - len(path)], kept)
        url, ours = await template.sign(self.key, varying)
        if (url, {name.lower(): value for name, value in ours.items()}) == (sent.url, headers):
            self.template = template
            template.note(self.key, varying, headers)


_watch: ContextVar[_Watch | None] = ContextVar("checksig_watch", default=None)


def _on_sign(**event: Any) -> None:
    watch = _watch.get()
    if watch is not None:
        watch.event = event


async def _on_send(request: Any, **_: Any) -> None:
    watch = _watch.get()
    if watch is not None:
        await watch.compare(request)


_HANDLERS: dict[str, Callable[..., Any]] = {
    "before-sign.s3.GetObject": _on_sign,
    "before-send.s3.GetObject": _on_send,
}


class Getter:
    """Gets objects of one bucket through a client of aiobotocore."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._template: _Template | None = None
        self._session: Any = None
        self._left = _ATTEMPTS
        self._lock = asyncio.Lock()
        self._url = importlib.import_module("yarl").URL

    async def get(
        self, call: Callable[[], Awaitable[Any]], key: str, headers: dict[str, str]
    ) -> Any:
        """Return an answer as *call*, aiobotocore's way to get an object, does.

        :raises StatusError: the store answered with an error.
        """
        if _is_odd(key):
            return await call()
        if self._should_learn():
            async with self._lock:  # the others wait for what the first one finds
                if self._should_learn():
                    return await self._learn(call, key)
        template, session = self._template, self._session
        if template is None or session.closed:
            return await call()
        url, sent = await template.sign(key, headers)
        sent["Accept-Encoding"] = "identity"
        response = await session.get(
            self._url(url, encoded=True), headers=sent, allow_redirects=False, read_bufsize=_BUFFER
        )
        if response.status not in {200, 206}:
            response.close()
            if response.status in _FINAL:
                raise StatusError(response.status)
            self._template = None  # what was learned is no longer so, such as the region
            return await call()
        return _answer(response)

    def settings(self) -> tuple[int, Any, float | None, float | None] | None:
        """Return how many connections there may be, their SSL context, and two timeouts.

        The timeouts are those to connect and to read, in seconds. None if there are settings that
        are not known here.
        """
        endpoint: Any = self.client._endpoint  # noqa: SLF001 - as below
        arguments = getattr(endpoint.http_session, "_connector_args", None)
        connector = self._session.connector
        is_known = type(connector).__module__ in {"aiohttp.connector", "aiobotocore.httpsession"}
        if not is_known or arguments is None or arguments.keys() - {"keepalive_timeout"}:
            return None
        context = getattr(connector, "_ssl", None)
        timeout = self._session.timeout
        is_context = hasattr(context, "wrap_socket")
        return (
            connector.limit,
            context if is_context else None,
            timeout.sock_connect,
            timeout.sock_read,
        )

    def is_ready(self, key: str) -> bool:
        """Whether :meth:`get_now` can get an object."""
        template = self._template
        is_ready = template is not None and template.is_ready()
        return is_ready and not self._session.closed and not _is_odd(key)

    def get_now(
        self,
        connections: Connections,
        key: str,
        headers: dict[str, str],
        memory: int | memoryview,
        take: Take,
    ) -> None:
        """Ask for an object, without asyncio, in the thread of *connections*.

        :meth:`described` has what the answer says. For the rest, see :meth:`.Connections.get`.

        :raises NotPlainError: the object must be got in another way.
        """
        template = self._template
        if template is None:
            raise NotPlainError
        place, path, sent = template.sign_here(key, headers)
        sent["Accept-Encoding"] = "identity"
        connections.get(place, path, sent, memory, take)

    def described(self, answer: Answer | Exception) -> tuple[dict[str, Any], Memory | None]:
        """Return what :meth:`get` does, and the body if it was not received somewhere else.

        :raises StatusError: the store answered with an error.
        :raises NotPlainError: the object must be got in another way.
        :raises OSError: there was no whole answer.
        """
        if isinstance(answer, Exception):
            raise answer
        if answer.status not in {200, 206}:
            if answer.status in _FINAL:
                raise StatusError(answer.status)
            self._template = None  # as above
            raise NotPlainError
        return _described(answer.headers), answer.body

    def _should_learn(self) -> bool:
        return self._template is None and self._left > 0

    async def _learn(self, call: Callable[[], Awaitable[Any]], key: str) -> Any:
        self._left -= 1
        events = self.client.meta.events
        watch = _Watch(key)
        token = _watch.set(watch)
        for name, function in _HANDLERS.items():
            events.register_last(name, function)
        try:
            answer = await call()
        finally:
            for name, function in _HANDLERS.items():
                events.unregister(name, function)
            _watch.reset(token)
        # Of the connections, those of aiohttp are used, unless there is a proxy.
        endpoint: Any = self.client._endpoint  # noqa: SLF001 - as s3fs
        sessions: Any = getattr(endpoint.http_session, "_sessions", None) or {}
        session = sessions.get(None) if len(sessions) == 1 else None
        if type(session).__module__ == "aiohttp.client":
            self._template, self._session = watch.template, session
        return answer


def _answer(response: Any) -> dict[str, Any]:
    """Return what callers need of an answer, as aiobotocore names it."""
    try:
        answer = _described({name.lower(): value for name, value in response.headers.items()})
    except OSError:
        response.close()
        raise
    answer["Body"] = _Body(response)
    return answer


def _described(headers: dict[str, str]) -> dict[str, Any]:
    """Return what the headers of an answer say, as aiobotocore names it."""
    names = {"ETag": "etag", "ContentRange": "content-range"}
    answer: dict[str, Any] = {
        name: headers[header] for name, header in names.items() if header in headers
    }
    try:
        answer["LastModified"] = parsedate_to_datetime(headers["last-modified"])
        answer["ContentLength"] = int(headers["content-length"])
    except (KeyError, TypeError, ValueError) as error:
        raise OSError("the store does not describe the object") from error
    return answer


def _is_odd(key: str) -> bool:
    """Whether a key could be taken for another one in an address."""
    return any(part in {"", ".", ".."} for part in key.split("/"))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value


def _quoted(key: str) -> str:
    """Return a key as botocore has it in addresses."""
    return quote(key, safe="/~")
