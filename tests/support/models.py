"""A model that says what a test tells it to, behind the same port as the real one."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.models.port import Message, ProposedCall, ReplyEnd, ToolForModel

Part = str | ReplyEnd | Exception | asyncio.Event


@dataclass
class ScriptedModel:
    """Gives the replies in order. An exception is raised in its place; an event is waited for."""

    replies: list[Sequence[Part]]
    name: str = "scripted"
    asked: list[Sequence[Message]] = field(default_factory=list[Sequence[Message]])
    tools: list[Sequence[ToolForModel]] = field(default_factory=list[Sequence[ToolForModel]])

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolForModel]
    ) -> AsyncGenerator[str | ReplyEnd]:
        self.asked.append(messages)
        self.tools.append(tools)
        parts = self.replies[len(self.asked) - 1]
        for part in parts:
            await asyncio.sleep(0)
            if isinstance(part, asyncio.Event):
                await part.wait()
            elif isinstance(part, Exception):
                raise part
            else:
                yield part
        if not parts or not isinstance(parts[-1], ReplyEnd | Exception):
            yield ReplyEnd()


def calls(*proposed: tuple[str, str]) -> ReplyEnd:
    """The end of a reply that proposes calls: name and arguments as JSON."""
    return ReplyEnd(calls=tuple(ProposedCall(name, arguments) for name, arguments in proposed))


def saying(*texts: str) -> Iterable[Part]:
    return [*texts, ReplyEnd()]
