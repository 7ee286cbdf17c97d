"""What every response says to browsers about what they may do with it."""

from flask import Flask, Response, request

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self' {sockets}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_OPENED_BY_OTHERS = ("/oauth/authorize", "/sign-in")
"""Pages in windows that agents of others open and wait for: cut off from its opener, one could not tell it the answer.
They show nothing that an opener could read, and cannot be framed."""
HSTS = "max-age=31536000; includeSubDomains"
STATIC_CACHE = "public, max-age=31536000, immutable"


def install(app: Flask, *, origins: list[str], is_https: bool) -> None:
    """Add the headers to every response; pages are not cached, static files for ever."""
    policy = _POLICY.format(sockets=" ".join(origin.replace("http", "ws", 1) for origin in origins))

    @app.after_request
    def add_headers(response: Response) -> Response:
        # Pages that need less say so themselves.
        if request.path.startswith(_OPENED_BY_OTHERS):
            response.headers.setdefault("Cross-Origin-Opener-Policy", "unsafe-none")
        for name, value in {"Content-Security-Policy": policy, **_HEADERS}.items():
            response.headers.setdefault(name, value)
        if is_https:
            response.headers["Strict-Transport-Security"] = HSTS
        if response.status_code == 200 and request.path.startswith(f"{app.static_url_path}/"):
            response.headers["Cache-Control"] = STATIC_CACHE
        else:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    del add_headers  # registered by its decorator
