"""Sends an HTTP API what its own OpenAPI document allows and what it forbids, and judges each answer by the document.

schemathesis goes through the edges of every field, and draws some more requests from a seed that never changes.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from schemathesis import Case, Response
from schemathesis.auths import AuthContext
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.core.transport import is_event_stream
from schemathesis.engine import events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.schemas import BaseSchema

SEED = 7
DRAWN = 5
"""Requests for each operation, beside those at the edges."""
ACCEPTANCE = "positive_data_acceptance"
CHANGING = {"post", "put", "patch", "delete"}

NOBODY = [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}]
"""What whoever is not signed in may send."""

Open = Any
"""What schemathesis leaves the type of open: schemas, operations and cases."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks, and what there is for them to ask about."""

    token: str
    ids: Mapping[str, str]
    """Ids and the like, by the names that paths and bodies give them."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(slots=True)
class Run:
    """What came of it."""

    failures: list[str] = field(default_factory=list[str])
    """Each with a command that sends the request again."""
    statuses: dict[str, Counter[int]] = field(default_factory=dict[str, Counter[int]])
    """What each operation answered how often, by its label: `METHOD /path`."""
    picky: set[str] = field(default_factory=set[str])
    """Labels of operations that refused something that the document allows."""

    @property
    def never_done(self) -> set[str]:
        """Labels of operations that were refused whatever they were sent."""
        return {
            label
            for label, counted in self.statuses.items()
            if not any(200 <= status < 300 for status in counted)
        }


def run(schema: BaseSchema, known: Callable[[str], Known], picky: Collection[str]) -> Run:
    """Try every operation.

    `known` is asked by an operation's label for who makes its requests: again before each that may
    change something.
    The operations in `picky` may refuse what the document allows.
    """
    _configure(schema)
    _sign_in(schema, known)
    found = Run()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(found, event, picky)
        elif isinstance(event, events.NonFatalError):
            found.failures.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found


def operations(schema: Open) -> Iterator[Open]:
    """All that the document describes. Raises what is wrong with it."""
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            raise result.err()
        yield result.ok()


def open_to_nobody(
    schema: BaseSchema, ids: Mapping[str, str], refused: Collection[int] = frozenset({401})
) -> set[str]:
    """Labels of the operations that answer somebody who is not signed in otherwise than by a refusal."""
    return {
        operation.label
        for operation in operations(schema)
        for headers in NOBODY
        if ask(operation, ids, headers).status_code not in refused
    }


def ask(
    operation: Open, ids: Mapping[str, str], headers: Mapping[str, str], **changes: Any
) -> Response:
    """One request that fits no schema but reaches the operation; `changes` are members of the case."""
    sent: dict[str, Any] = {
        "path_parameters": {
            parameter.name: ids.get(parameter.name, "0") for parameter in operation.path_parameters
        },
    }
    if operation.body:
        sent |= {"body": {}, "media_type": "application/json"}
    case: Case[Any] = operation.Case(**{**sent, **changes})
    return case.call(headers=dict(headers))


def _configure(schema: BaseSchema) -> None:
    config = schema.config
    config.seed = SEED
    config.continue_on_failure = True
    config.generation.update(
        deterministic=True, max_examples=DRAWN, no_shrink=True, with_security_parameters=False
    )
    config.phases.update(phases=["coverage", "fuzzing"])
    # Ids of earlier answers, which differ from run to run.
    for phase in (config.phases.coverage, config.phases.fuzzing):
        phase.extra_data_sources.responses = False
    # `Allow` names what a path can be asked, and two templates can fit one path.
    config.checks.allow_header_conformance.enabled = False
    # It cannot call WSGI applications (schemathesis 4.32); `open_to_nobody` asks the same.
    config.checks.ignored_auth.enabled = False


def _sign_in(schema: Open, known: Callable[[str], Known]) -> None:
    kept: dict[str, Known] = {}

    @schema.auth(refresh_interval=None)
    class Somebody:
        def get(self, case: Case[Any], _: AuthContext) -> Known:
            label = case.operation.label
            if label not in kept or (_is_allowed(case) and case.operation.method in CHANGING):
                kept[label] = known(label)
            return kept[label]

        def set(self, case: Open, data: Known, _: AuthContext) -> None:
            case.headers.update(data.headers)
            if not _is_about(case, ParameterLocation.PATH):
                _name_what_is_there(case.path_parameters, data.ids)
            if not _is_about(case, ParameterLocation.QUERY):
                _name_what_is_there(case.query, data.ids)
            if isinstance(case.body, dict) and not _is_about(case, ParameterLocation.BODY):
                _name_what_is_there(cast("dict[str, Any]", case.body), data.ids)

    del Somebody  # registered by its decorator


def _name_what_is_there(given: dict[str, Any], ids: Mapping[str, str]) -> None:
    given.update({name: ids[name] for name in given if name in ids})


def _is_allowed(case: Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def _is_about(case: Case[Any], location: ParameterLocation) -> bool:
    """Whether the request tries out something there."""
    meta = case.meta
    if meta is None:
        return False
    component = meta.components.get(location)
    return meta.phase.data.parameter_location is location or (
        component is not None and component.mode.is_negative
    )


def _unsaid(recorder: Any, case_id: str) -> set[str]:
    """Checks that the document has nothing to say to: what a stream's events are is held by `tests/contracts`."""
    response = recorder.interactions[case_id].response
    is_stream = response is not None and is_event_stream(
        response.headers.get("content-type", [""])[0]
    )
    return {"response_schema_conformance"} if is_stream else set()


def _note(found: Run, event: events.ScenarioFinished, picky: Collection[str]) -> None:
    recorder: Open = event.recorder
    counted = found.statuses.setdefault(recorder.label, Counter())
    for case_id, interaction in recorder.interactions.items():
        case = recorder.cases[case_id].value
        if interaction.response is not None and case.method.lower() == case.operation.method:
            counted[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None or check.name in _unsaid(recorder, case_id):
                continue
            if check.name == ACCEPTANCE:
                if event.phase is not PhaseName.COVERAGE:
                    continue  # what is drawn has characters that no pattern speaks of
                found.picky.add(recorder.label)
                if recorder.label in picky:
                    continue
            failure = check.failure_info
            found.failures.append(
                f"{recorder.label}: {failure.failure.title}. {failure.failure.message}\n{failure.code_sample}"
            )
