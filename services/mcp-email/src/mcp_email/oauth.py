"""Access tokens for XOAUTH2, from a refresh token (RFC 6749 section 6). No token is in a log, an error or a URL."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from mcp_email.config import OAuth

RENEW_BEFORE_S = 60.0
MAX_ANSWER_BYTES = 64 * 1024


class SignInRefused(Exception):
    """No access token was given. The message says why, in our words."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: str
    expires_in: PositiveFloat = 300.0
    """Seconds. Providers may leave it out (RFC 6749 section 5.1)."""


@dataclass(slots=True)
class AccessTokens:
    """Gives one access token for as long as it lasts, then asks for the next. Belongs to one event loop."""

    oauth: OAuth
    http: httpx.AsyncClient
    now_s: Callable[[], float] = time.monotonic
    _token: str = field(default="", repr=False)
    _until_s: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self) -> str:
        """A token that lasts a minute at least. Raises SignInRefused."""
        async with self._asking:
            if self.now_s() + RENEW_BEFORE_S >= self._until_s:
                answer = await self._ask()
                self._token = answer.access_token
                self._until_s = self.now_s() + answer.expires_in
            return self._token

    def forget(self) -> None:
        """The mail server refused the token: ask for another one next time."""
        self._until_s = 0.0

    async def _ask(self) -> _Answer:
        oauth = self.oauth
        form = {
            "grant_type": "refresh_token",
            "client_id": oauth.client_id,
            "refresh_token": oauth.refresh_token.read("The refresh token"),
        }
        if oauth.client_secret is not None:
            form["client_secret"] = oauth.client_secret.read("The client secret")
        if oauth.scope:
            form["scope"] = oauth.scope
        try:
            response = await self.http.post(oauth.token_url, data=form)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SignInRefused(
                f"The sign-in service cannot be reached ({type(error).__name__})."
            ) from None
        if response.status_code in {400, 401}:
            raise SignInRefused(
                "The sign-in service refused the refresh token. Sign the account in again."
            )
        if response.status_code != 200 or len(response.content) > MAX_ANSWER_BYTES:
            raise SignInRefused(f"The sign-in service answered {response.status_code}.")
        try:
            return _Answer.model_validate_json(response.content)
        except ValidationError:
            raise SignInRefused("The sign-in service answered without an access token.") from None
