"""What an upload token may do: which calls, from which pages, and with which fields. Pure.

It is in a page that anybody may read. So it does only what its owner has settled: title, reference, policy and language
come from the token where it has them, and what costs money or is the owner's own data cannot be said at all.
"""

from core.db.upload_tokens import Terms
from core.http.problems import Problem
from ingest.bodies.fields import Ref
from ingest.bodies.requests import NewUpload

CALLS = frozenset(
    {
        ("POST", "/v1/uploads"),
        ("GET", "/v1/uploads/{upload_id}"),
        ("POST", "/v1/uploads/{upload_id}/complete"),
        ("DELETE", "/v1/uploads/{upload_id}"),
        ("GET", "/v1/assets/{asset_id}"),
    }
)
PATHS = tuple(sorted({path for _, path in CALLS}))
PREFLIGHT_S = 600  # for which a browser need not ask again
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key"
_ANSWER_HEADERS = "Retry-After, X-Request-Id"
# Of the file, and what its sender knows best. Everything else of an upload is for the owner to say.
_FIELDS = frozenset({"filename", "size_bytes", "content_type", "sha256", "profile", "clip"})
_SETTLED = frozenset({"title", "ref", "policy", "language"})
_HINT = "Leave it out; the token has what its owner has settled."


def allows(method: str, path: str) -> bool:
    """Whether an upload token may call `method` on the route with this pattern."""
    return (method, path) in CALLS


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that an upload token may call on the route with this pattern."""
    return tuple(sorted(method for method, of_path in CALLS if of_path == path))


def cors(origin: str) -> dict[str, str]:
    """Headers of an answer that a page of this origin may read."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _ANSWER_HEADERS,
        "Vary": "Origin",
    }


def preflight(origin: str, path: str) -> dict[str, str]:
    """Headers of the answer to a preflight: any page may ask. Whether it may call depends on its token."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(methods_of(path)),
        "Access-Control-Allow-Headers": _REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
        "Vary": "Origin",
    }


def settled(body: NewUpload, terms: Terms) -> NewUpload:
    """The request with what the token settles. Raises Problem where it says otherwise, or what a page may not say."""
    given = {name: value for name in sorted(body.model_fields_set) if (value := getattr(body, name)) is not None}
    for name in given:
        if name not in _FIELDS | _SETTLED:
            raise _refused(name, f"An upload token does not let a page set {name}.")
    ref = None if terms.ref is None else Ref(type=terms.ref[0], id=terms.ref[1])
    final = {"ref": ref, "policy": terms.policy}
    final |= {name: value for name in ("title", "language") if (value := getattr(terms, name)) is not None}
    for name, value in final.items():
        if name in given and given[name] != value:
            raise _refused(name, f"The upload token says otherwise about {name}.")
    if terms.max_size_bytes is not None and body.size_bytes > terms.max_size_bytes:
        raise Problem(
            422,
            "too_large",
            f"The file has {body.size_bytes} bytes; the maximum is {terms.max_size_bytes}.",
            hint="Export it at a lower bit rate, or trim it.",
            pointer="/size_bytes",
        )
    return body.model_copy(update=final)


def _refused(name: str, detail: str) -> Problem:
    return Problem(422, "upload_token_field", detail, hint=_HINT, pointer=f"/{name}")
