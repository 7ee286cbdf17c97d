"""Signing in elsewhere: OpenID Connect (Core 1.0, by discovery, PKCE S256) and GitHub's OAuth 2.0, both by Authlib."""

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Flask, request, session
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from requests import RequestException

from frontend.accounts.email_address import domain_of, is_email_address, normalised
from frontend.settings import Settings
from frontend.sign_in.identities import Identity, is_name
from frontend.sign_in.provider_config import GITHUB, Provider, read_providers
from shared.errors import ExpectedError, NotFound, Unavailable

TIMEOUT_S = 10
METADATA_KEPT_S = 3_600
KEYS_REFETCH_S = 10
"""A key id that nobody knows makes us fetch the keys again, at most this often."""
LEEWAY_S = 60
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Asymmetric ones only, whatever the provider's metadata says: no `none`, and nothing that the client secret signs."""
GITHUB_ACCEPT = "application/vnd.github+json"


_AWAY = "This sign-in service cannot be used right now. Try again later, or sign in another way."
_AGAIN = "This sign-in did not work. Begin again from the sign-in page."
_NOT_LET = "You did not let us know who you are there. Try again, or sign in another way."


class SignInFailed(ExpectedError):
    """The provider's answer cannot be taken. Its message is for people; `why` is for the log."""

    code = "sign_in_failed"
    status = 400

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


class _OidcApp(FlaskOAuth2App):
    """Authlib's client, which believes less of the metadata and does not keep it for ever."""

    def load_server_metadata(self) -> dict[str, Any]:
        """Raises SignInFailed when the metadata is of another issuer (OpenID Connect Discovery 1.0, section 4.3)."""
        metadata = cast("dict[str, Any]", self.server_metadata)
        if time.time() - metadata.get("_loaded_at", 0) > METADATA_KEPT_S:
            metadata.pop("_loaded_at", None)
            metadata.pop("jwks", None)
        metadata = cast("dict[str, Any]", super().load_server_metadata())
        expected = metadata["expected_issuer"]
        if metadata.get("issuer") != expected:
            metadata.pop("_loaded_at", None)
            raise SignInFailed(_AWAY, "issuer of the metadata")
        offered = metadata.get("id_token_signing_alg_values_supported") or ALGORITHMS
        metadata["id_token_signing_alg_values_supported"] = [
            name for name in offered if name in ALGORITHMS
        ] or list(ALGORITHMS)
        return metadata


class _OidcOAuth(OAuth):
    oauth2_client_cls = _OidcApp


class Upstream:
    """One provider."""

    def __init__(self, name: str, config: Provider, app: Any) -> None:
        self.name = name
        self.config = config
        self.label = config.name_for_people(name)
        self._app = app

    def send_there(self, callback: str) -> ResponseReturnValue:
        """Redirect the browser to the provider; state, nonce and code verifier stay in its session.

        Raises:
            Unavailable: the provider does not answer.
        """
        with _told_apart():
            return cast(ResponseReturnValue, self._app.authorize_redirect(callback))

    def identity(self) -> Identity:
        """Who the provider says came back, in this request.

        Raises:
            SignInFailed: what it says cannot be taken; or the person did not let it.
            Unavailable: it does not answer.
        """
        try:
            with _told_apart():
                self._check_issuer()
                return self._identity(self._app.authorize_access_token(**self._claims_options()))
        finally:
            self._forget_states()

    def _check_issuer(self) -> None:
        """The answer must be of the provider that was asked (RFC 9207). GitHub does not say."""

    def _claims_options(self) -> dict[str, Any]:
        return {}

    def _identity(self, token: Mapping[str, Any]) -> Identity:
        raise NotImplementedError

    def _forget_states(self) -> None:
        """Each begun sign-in is good for one answer, right or wrong."""
        for key in [key for key in session if key.startswith(f"_state_{self.name}_")]:
            session.pop(key)


class OidcUpstream(Upstream):
    """Any OpenID Connect provider, Google among them."""

    @property
    def metadata(self) -> dict[str, Any]:
        """Its own words about itself. Raises Unavailable, SignInFailed."""
        with _told_apart():
            return cast("dict[str, Any]", self._app.load_server_metadata())

    def keys(self, *, again: bool = False) -> dict[str, Any]:
        """Its public keys (JWKS). `again`: fetch them, unless that was done a moment ago. Raises Unavailable."""
        with _told_apart():
            metadata = self.metadata
            fetched_at = metadata.get("_keys_fetched_at", 0)
            force = again and time.time() - fetched_at > KEYS_REFETCH_S
            if force:
                metadata["_keys_fetched_at"] = time.time()
            return cast("dict[str, Any]", self._app.fetch_jwk_set(force=force))

    def _check_issuer(self) -> None:
        told, metadata = request.args.get("iss"), self.metadata
        must_be_told = metadata.get("authorization_response_iss_parameter_supported") is True
        if told != self.config.issuer_url and (told is not None or must_be_told):
            raise SignInFailed(_AGAIN, "iss of the answer")

    def _claims_options(self) -> dict[str, Any]:
        essential = {
            "iss": {"essential": True, "value": self.config.issuer_url},
            "aud": {"essential": True, "value": self.config.client_id},
        }
        return {"claims_options": essential, "leeway": LEEWAY_S}

    def _identity(self, token: Mapping[str, Any]) -> Identity:
        claims = cast("Mapping[str, Any] | None", token.get("userinfo"))
        if claims is None:  # Authlib passes over a token that is not there.
            raise SignInFailed(_AGAIN, "no id_token")
        subject = claims.get("sub")
        if not is_name(subject):
            raise SignInFailed(_AGAIN, "sub")
        sid = claims.get("sid")
        return Identity(
            provider=self.name,
            issuer=self.config.issuer_url,
            subject=subject,
            email=_address(claims.get("email")),
            # Some send it as text; anything else is no yes.
            is_verified=claims.get("email_verified") in (True, "true"),
            name=_name(claims.get("name")),
            sid=sid if is_name(sid) else None,
        )


class GitHubUpstream(Upstream):
    """GitHub: no ID token, so its API is asked who it is, and which of their addresses are verified."""

    def _identity(self, token: Mapping[str, Any]) -> Identity:
        person = cast("Mapping[str, Any]", self._get("user", token))
        number = person.get("id")
        if not isinstance(number, int) or isinstance(number, bool):
            raise SignInFailed(_AGAIN, "id")
        address = self._verified_address(self._get("user/emails", token))
        return Identity(
            provider=self.name,
            issuer=self.config.issuer_url,
            subject=str(number),
            email=address,
            is_verified=bool(address),
            name=_name(person.get("name") or person.get("login")),
        )

    def _get(self, path: str, token: Mapping[str, Any]) -> Any:
        answer = self._app.get(path, token=token, headers={"Accept": GITHUB_ACCEPT})
        if answer.status_code != 200:
            raise SignInFailed(_AGAIN, f"status {answer.status_code} of {path}")
        return answer.json()

    @staticmethod
    def _verified_address(emails: Any) -> str:
        """The primary one, else any that is verified, else none."""
        listed = [cast("Mapping[str, Any]", one) for one in emails if isinstance(one, dict)]
        verified = [one for one in listed if one.get("verified") is True]
        verified.sort(key=lambda one: one.get("primary") is not True)
        return next(filter(None, (_address(one.get("email")) for one in verified)), "")


class Providers:
    """All of them, by name."""

    def __init__(self, settings: Settings, app: Flask) -> None:
        """Nothing is connected yet. Raises BadSetup: a file or a secret is not there, or not as it must be."""
        # It writes code verifiers at DEBUG.
        logging.getLogger("authlib").setLevel(logging.INFO)
        configs = dict(settings.oidc_providers)
        if settings.oidc_file is not None:
            configs |= read_providers(settings.oidc_file)
        self._upstreams = {name: _upstream(app, name, config) for name, config in configs.items()}

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self._upstreams.values())

    def get(self, name: str) -> Upstream:
        """Raises NotFound."""
        upstream = self._upstreams.get(name)
        if upstream is None:
            raise NotFound("There is nothing here.")
        return upstream

    def vouch_for(self, identity: Identity) -> bool:
        """Whether it is shown that the address is theirs."""
        upstream = self._upstreams.get(identity.provider)
        return (
            identity.is_verified
            and upstream is not None
            and upstream.config.vouches_for(domain_of(identity.email))
        )

    def label(self, name: str) -> str:
        """What people call it; the name alone when it is no longer in the settings."""
        upstream = self._upstreams.get(name)
        return name if upstream is None else upstream.label


def _upstream(app: Flask, name: str, config: Provider) -> Upstream:
    secret = config.client_secret.read(f"The secret of {name}") if config.client_secret else None
    is_github = config.kind == "github"
    options: dict[str, Any] = {
        "client_id": config.client_id,
        "client_secret": secret,
        "client_kwargs": {
            "scope": "read:user user:email" if is_github else " ".join(config.scopes),
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_S,
            **({} if secret else {"token_endpoint_auth_method": "none"}),
        },
    }
    issuer = config.issuer_url
    if is_github:
        own_api = f"{issuer}/api/v3" if issuer != GITHUB else "https://api.github.com"
        client = cast(Any, OAuth(app)).register(
            name,
            authorize_url=f"{issuer}/login/oauth/authorize",
            access_token_url=f"{issuer}/login/oauth/access_token",
            api_base_url=f"{config.api or own_api}/",
            **options,
        )
        return GitHubUpstream(name, config, client)
    options["server_metadata_url"] = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    client = cast(Any, _OidcOAuth(app)).register(name, expected_issuer=issuer, **options)
    return OidcUpstream(name, config, client)


@contextmanager
def _told_apart() -> Generator[None]:
    """Turns what Authlib, its JOSE library and requests raise into our two kinds of failure."""
    try:
        yield
    except RequestException:
        raise Unavailable(_AWAY) from None
    except AuthlibBaseError as error:
        if error.error == "access_denied":
            raise SignInFailed(_NOT_LET, "access_denied") from None
        raise SignInFailed(_AGAIN, str(error.error)) from None
    except JoseError as error:
        raise SignInFailed(_AGAIN, type(error).__name__) from None
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        # What came is not of the shape that it must have.
        raise SignInFailed(_AGAIN, "malformed") from None


def _address(told: Any) -> str:
    address = normalised(told) if isinstance(told, str) else ""
    return address if is_email_address(address) else ""


def _name(told: Any) -> str:
    words = " ".join(told.split())[:100] if isinstance(told, str) else ""
    return words if words.isprintable() else ""
