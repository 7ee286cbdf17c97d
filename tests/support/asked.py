"""A person who asks the running product by its API."""

import json
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from support.system import System

from shared.service_tokens import SigningKey, TokenIssuer


@dataclass(frozen=True, slots=True)
class Asked:
    """A person in front of the product's API."""

    http: httpx.Client
    conversation: str

    def ask(self, text: str, arguments: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The events of a turn, in which every question is answered with yes, once with other arguments."""
        body = {"client_id": str(uuid.uuid4()), "text": text}
        events: list[dict[str, Any]] = []
        url = f"/v1/conversations/{self.conversation}/turns"
        with self.http.stream("POST", url, json=body) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                event = json.loads(line.removeprefix("data:"))
                events.append(event)
                if event["kind"] == "approval_needed":
                    edited = None if arguments is None else event["arguments"] | arguments
                    decision = {"decision": "approve", "arguments": edited}
                    url = f"/v1/calls/{event['call_id']}/decision"
                    self.http.put(url, json=decision).raise_for_status()
        return events


@contextmanager
def asking(system: System) -> Generator[Asked]:
    key = SigningKey.load_or_create(system.var / "keys" / "frontend.json")
    token = TokenIssuer(system.url, key).issue(
        audience="orchestrator", subject="ada", tenant="acme", roles=["owner"], name="Ada Lovelace",
        lifetime_s=600,
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}"}
    url = system.service_url("orchestrator")
    with httpx.Client(base_url=url, headers=headers, timeout=60) as http:
        conversation = str(uuid.uuid4())
        http.put(f"/v1/conversations/{conversation}").raise_for_status()
        yield Asked(http, conversation)


def one(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The only event of its kind."""
    [found] = [event for event in events if event["kind"] == kind]
    return found
