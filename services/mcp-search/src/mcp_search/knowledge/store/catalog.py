"""Steps on tenants, models, audiences and collections."""

from collections.abc import Iterable

from mcp_search.errors import NameTaken, NotThere
from mcp_search.knowledge.model import Collection, EmbeddingModel, Reader
from mcp_search.knowledge.store.engine import Index
from mcp_search.knowledge.store.gaps import open_again_of
from mcp_search.knowledge.store.rows import COLLECTION, collection_of, listing
from mcp_search.knowledge.store.steps import Ask, Duplicate, Steps, Values
from mcp_search.knowledge.store.visible import collections_of, documents_of


def collections(reader: Reader) -> Steps[list[Collection]]:
    """By name."""
    visible, inner = collections_of(reader), documents_of(reader)
    counts = yield Ask(
        "SELECT c.number, count(*) FROM document d JOIN collection c ON c.number = d.collection"
        f" WHERE {inner.sql} GROUP BY c.number",
        inner.values,
    )
    rows = yield Ask(
        f"SELECT c.number, {COLLECTION} FROM collection c"
        " JOIN model m ON m.number = c.model JOIN audience r ON r.number = c.readers"
        f" WHERE {visible.sql} ORDER BY c.name_key, c.id",
        visible.values,
    )
    documents = dict[int, int]((number, count) for number, count in counts)
    return [collection_of(row[1:], documents.get(row[0], 0)) for row in rows]


def add_collection(index: Index, collection: Collection) -> Steps[None]:
    """With the tables of its tenant and model, where it is the first."""
    yield from _check_name(collection)
    yield from tenant_number(index, collection.tenant)
    values = yield from _values(index, collection)
    try:
        yield Ask(
            "INSERT INTO collection (tenant, id, name, name_key, description, model, readers, editors)"
            " VALUES (:tenant, :id, :name, :name_key, :description, :model, :readers, :editors)",
            values,
        )
    except Duplicate:
        raise _name_taken() from None


def change_collection(index: Index, collection: Collection) -> Steps[None]:
    """With another model, the vectors of the one before go, and `staged_chunks` gives all chunks again."""
    yield from _check_name(collection)
    old = yield from collection_row(collection.tenant, collection.id)
    values = yield from _values(index, collection)
    if values["model"] != old[1]:
        yield from _remove_all_vectors(index, *old)
    try:
        yield Ask(
            "UPDATE collection SET name = :name, name_key = :name_key, description = :description, model = :model,"
            " readers = :readers, editors = :editors WHERE tenant = :tenant AND id = :id",
            values,
        )
    except Duplicate:
        raise _name_taken() from None
    yield from note_change(collection.tenant)


def remove_collection(index: Index, tenant: str, collection_id: str) -> Steps[None]:
    """Nothing happens when it is not there."""
    rows = yield Ask(
        "SELECT number, model FROM collection WHERE tenant = :tenant AND id = :id",
        {"tenant": tenant, "id": collection_id},
    )
    for number, model in rows:
        words = yield from tenant_number(index, tenant)
        for version in (yield from _versions(number)):
            yield from index.remove_words(words, version)
            yield from remove_vectors(index, model, version)
        yield from open_again_of(tenant, number)
        yield Ask("DELETE FROM collection WHERE number = :number", {"number": number})
        yield from note_change(tenant)


def remove_tenant(index: Index, tenant: str) -> Steps[bool]:
    """One collection, or all the rest. Whether nothing is left."""
    values = {"tenant": tenant}
    found = yield Ask("SELECT id FROM collection WHERE tenant = :tenant LIMIT 1", values)
    if found:
        yield from remove_collection(index, tenant, found[0][0])
        return False
    for table in ("gap", "upload"):
        yield Ask(f"DELETE FROM {table} WHERE tenant = :tenant", values)
    number = yield from known_tenant(tenant)
    if number is not None:
        yield from index.remove_tenant(number)
        yield Ask("DELETE FROM tenant WHERE number = :number", {"number": number})
    return True


def collection_row(tenant: str, collection_id: str) -> Steps[tuple[int, int]]:
    """Its number and its model's. Raises NotThere."""
    rows = yield Ask(
        "SELECT number, model FROM collection WHERE tenant = :tenant AND id = :id",
        {"tenant": tenant, "id": collection_id},
    )
    if not rows:
        raise NotThere("There is no such collection.")
    number, model = rows[0]
    return number, model


def tenant_number(index: Index, tenant: str) -> Steps[int]:
    """Of a tenant known or new."""
    known = yield from known_tenant(tenant)
    if known is not None:
        return known
    made = yield Ask(
        "INSERT INTO tenant (name) VALUES (:name) ON CONFLICT DO NOTHING RETURNING number",
        {"name": tenant},
    )
    if not made:
        return _there((yield from known_tenant(tenant)))
    yield from index.add_tenant(made[0][0])
    return made[0][0]


def known_tenant(tenant: str) -> Steps[int | None]:
    """None for one that has no collection yet."""
    rows = yield Ask("SELECT number FROM tenant WHERE name = :name", {"name": tenant})
    return rows[0][0] if rows else None


def changes(tenant: str) -> Steps[int]:
    """0 for a tenant that has nothing."""
    rows = yield Ask("SELECT changes FROM tenant WHERE name = :name", {"name": tenant})
    return rows[0][0] if rows else 0


def note_change(tenant: str) -> Steps[None]:
    """The last step of whatever may change what searches find: others wait for this row till the transaction ends."""
    yield Ask("UPDATE tenant SET changes = changes + 1 WHERE name = :name", {"name": tenant})


def remove_vectors(index: Index, model: int, version: int) -> Steps[None]:
    """Of a version, where its model has any."""
    [(has_vectors,)] = yield Ask(
        "SELECT dimension > 0 FROM model WHERE number = :model", {"model": model}
    )
    if has_vectors:
        yield from index.remove_vectors(model, version)


def known_model(model: EmbeddingModel) -> Steps[int | None]:
    """None for one that no collection has had."""
    rows = yield Ask(
        "SELECT number FROM model WHERE name = :name AND dimension = :dimension",
        {"name": model.name, "dimension": model.dimension},
    )
    return rows[0][0] if rows else None


def audience_number(keys: Iterable[str]) -> Steps[int]:
    """Of a set of keys known or new."""
    wanted = sorted(set(keys))
    values = {"keys": listing(wanted)}
    find = Ask("SELECT number FROM audience WHERE keys = :keys", values)
    known = yield find
    if known:
        return known[0][0]
    made = yield Ask(
        "INSERT INTO audience (keys) VALUES (:keys) ON CONFLICT DO NOTHING RETURNING number", values
    )
    if not made:
        [(number,)] = yield find
        return number
    yield Ask(
        "INSERT INTO audience_key (key, audience) VALUES (:key, :audience)",
        many=[{"key": key, "audience": made[0][0]} for key in wanted],
    )
    return made[0][0]


def _values(index: Index, collection: Collection) -> Steps[Values]:
    model = yield from _model_number(index, collection.model)
    readers = yield from audience_number(collection.access)
    return {
        "tenant": collection.tenant,
        "id": collection.id,
        "name": collection.name,
        "name_key": _name_key(collection),
        "description": collection.description,
        "model": model,
        "readers": readers,
        "editors": listing(collection.editors),
    }


def _model_number(index: Index, model: EmbeddingModel) -> Steps[int]:
    known = yield from known_model(model)
    if known is not None:
        return known
    made = yield Ask(
        "INSERT INTO model (name, dimension) VALUES (:name, :dimension) ON CONFLICT DO NOTHING RETURNING number",
        {"name": model.name, "dimension": model.dimension},
    )
    if not made:
        return _there((yield from known_model(model)))
    yield from index.add_model(made[0][0], model)
    return made[0][0]


def _there(number: int | None) -> int:
    """What another transaction made while ours was about to."""
    assert number is not None  # noqa: S101 - the conflict was with it
    return number


def _check_name(collection: Collection) -> Steps[None]:
    taken = yield Ask(
        "SELECT id FROM collection WHERE tenant = :tenant AND name_key = :name_key AND id <> :id",
        {"tenant": collection.tenant, "name_key": _name_key(collection), "id": collection.id},
    )
    if taken:
        raise _name_taken()


def _name_key(collection: Collection) -> str:
    return collection.name.casefold()


def _name_taken() -> NameTaken:
    """Without the other's id, which the person may not be one to see."""
    return NameTaken("Another collection has this name.", hint="Choose another name.")


def _remove_all_vectors(index: Index, collection: int, model: int) -> Steps[None]:
    for version in (yield from _versions(collection)):
        yield from remove_vectors(index, model, version)
    yield Ask(
        "DELETE FROM embedded WHERE chunk IN (SELECT k.number FROM chunk k JOIN version v ON v.number = k.version"
        " JOIN document d ON d.number = v.document WHERE d.collection = :collection)",
        {"collection": collection},
    )


def _versions(collection: int) -> Steps[list[int]]:
    rows = yield Ask(
        "SELECT v.number FROM version v JOIN document d ON d.number = v.document WHERE d.collection = :collection",
        {"collection": collection},
    )
    return [number for (number,) in rows]
