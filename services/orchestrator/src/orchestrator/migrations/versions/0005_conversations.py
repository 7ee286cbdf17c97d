"""Turns as a tree, temporary conversations, search, share links."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from orchestrator.conversations.words import folded

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BATCH = 200
MAX_CHARACTERS = 200_000

_turns = sa.table(
    "turns",
    sa.column("turn_id", sa.String),
    sa.column("conversation_id", sa.String),
    sa.column("question", sa.Text),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("finished_at", sa.DateTime(timezone=True)),
)
_events = sa.table(
    "turn_events",
    sa.column("turn_id", sa.String),
    sa.column("n", sa.BigInteger),
    sa.column("kind", sa.String),
    sa.column("payload", sa.JSON),
)


def upgrade() -> None:
    op.add_column("turns", sa.Column("parent_turn_id", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_turns_conversation_id_parent_turn_id", "turns", ["conversation_id", "parent_turn_id"]
    )
    op.add_column("conversations", sa.Column("head_turn_id", sa.String(length=64), nullable=True))
    op.add_column(
        "conversations",
        sa.Column("temporary", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_conversations_temporary_updated_at", "conversations", ["temporary", "updated_at"]
    )
    _put_turns_in_a_row()
    messages = _create_message_texts()
    _create_search_index()
    _let_messages_be_found(messages)
    _create_shares()


def _put_turns_in_a_row() -> None:
    """Until now every turn followed the one asked before it."""
    op.execute(
        "UPDATE turns SET parent_turn_id = (SELECT earlier.turn_id FROM turns AS earlier"
        " WHERE earlier.conversation_id = turns.conversation_id"
        " AND earlier.position = turns.position - 1)"
    )
    op.execute(
        "UPDATE conversations SET head_turn_id = (SELECT turns.turn_id FROM turns"
        " WHERE turns.conversation_id = conversations.conversation_id"
        " ORDER BY turns.position DESC LIMIT 1)"
    )


def _create_message_texts() -> sa.Table:
    messages = op.create_table(
        "message_texts",
        sa.Column(
            "message_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name="fk_message_texts_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name="pk_message_texts"),
        sa.UniqueConstraint("turn_id", "role", name="uq_message_texts_turn_id_role"),
    )
    op.create_index("ix_message_texts_conversation_id", "message_texts", ["conversation_id"])
    return messages


def _create_shares() -> None:
    op.create_table(
        "shares",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("last_turn_id", sa.String(length=64), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name="fk_shares_conversation_id_conversations",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_shares"),
        sa.UniqueConstraint("token", name="uq_shares_token"),
    )


def _create_search_index() -> None:
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE message_words USING fts5(words, content='message_texts',"
            " content_rowid='message_id', tokenize='unicode61 remove_diacritics 2')"
        )
        op.execute(
            "CREATE TRIGGER message_texts_added AFTER INSERT ON message_texts BEGIN"
            " INSERT INTO message_words (rowid, words) VALUES (new.message_id, new.words); END"
        )
        op.execute(
            "CREATE TRIGGER message_texts_removed AFTER DELETE ON message_texts BEGIN"
            " INSERT INTO message_words (message_words, rowid, words)"
            " VALUES ('delete', old.message_id, old.words); END"
        )
    else:
        op.execute(
            "CREATE INDEX ix_message_texts_words ON message_texts"
            " USING gin (to_tsvector('simple'::regconfig, words))"
        )


def _let_messages_be_found(messages: sa.Table) -> None:
    connection = op.get_bind()
    last = ""
    while turns := connection.execute(
        sa.select(_turns).where(_turns.c.turn_id > last).order_by(_turns.c.turn_id).limit(BATCH)
    ).all():
        last = turns[-1].turn_id
        rows = list(_messages_of(turns, _answers(connection, [turn.turn_id for turn in turns])))
        connection.execute(messages.insert(), rows)


def _answers(connection: sa.Connection, turn_ids: Sequence[str]) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    events = connection.execute(
        sa.select(_events.c.turn_id, _events.c.payload)
        .where(_events.c.turn_id.in_(turn_ids), _events.c.kind == "text_finished")
        .order_by(_events.c.turn_id, _events.c.n)
    )
    for turn_id, payload in events:
        answers.setdefault(turn_id, []).append(payload["text"])
    return answers


def _messages_of(
    turns: Sequence[sa.Row[Any]], answers: dict[str, list[str]]
) -> Iterator[dict[str, Any]]:
    for turn in turns:
        yield _message(turn, "person", turn.question, turn.created_at)
        if turn.finished_at is not None and turn.turn_id in answers:
            answer = "\n\n".join(answers[turn.turn_id])
            yield _message(turn, "assistant", answer, turn.finished_at)


def _message(turn: sa.Row[Any], role: str, text: str, at: Any) -> dict[str, Any]:
    text = text[:MAX_CHARACTERS]
    return {
        "conversation_id": turn.conversation_id,
        "turn_id": turn.turn_id,
        "role": role,
        "text": text,
        "words": folded(text),
        "at": at,
    }


def downgrade() -> None:
    op.drop_table("shares")
    if op.get_context().dialect.name == "sqlite":
        op.execute("DROP TABLE message_words")
    op.drop_table("message_texts")
    op.drop_index("ix_conversations_temporary_updated_at", "conversations")
    op.drop_column("conversations", "temporary")
    op.drop_column("conversations", "head_turn_id")
    op.drop_index("ix_turns_conversation_id_parent_turn_id", "turns")
    op.drop_column("turns", "parent_turn_id")
