"""Security events in words for people."""

from frontend.accounts.security_events import SecurityEvent

EVENT_WORDS = {kind: kind.value.replace("_", " ").capitalize() for kind in SecurityEvent} | {
    SecurityEvent.SIGN_IN_REFUSED: "Sign-in refused",
    SecurityEvent.NOT_ALLOWED: "Refused for lack of rights",
    SecurityEvent.DELETION_ASKED: "Deletion of the organisation asked for",
    SecurityEvent.DELETION_TAKEN_BACK: "Deletion of the organisation taken back",
    SecurityEvent.REFRESH_TOKEN_REUSED: "A copied refresh token was used",
    SecurityEvent.KEY_REFUSED: "A key was refused",
    SecurityEvent.KEY_MADE: "API key made",
    SecurityEvent.KEY_REVOKED: "API key revoked",
    SecurityEvent.SIGN_IN_RESET: "Sign-in reset",
    SecurityEvent.TENANT_CREATED: "Organisation created",
    SecurityEvent.TENANT_RENAMED: "Organisation renamed",
}
"""Every kind: those that other parts of the frontend add say themselves what they are."""
