"""Writes matrix.toml, who may do what, from what the code declares:

    PYTHONPATH=. python tests/authorization/draft_matrix.py > tests/authorization/matrix.toml

Run it after adding a field or a route or after changing a permission, and read the difference: the file is what
reviewers agree to, and `test_matrix.py` holds the running site against it, cell by cell.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("CAREWRIGHT_MODE", "test")
os.environ.setdefault("CAREWRIGHT_SECRET_KEY", "7" * 64)

from server.graphql.connections import node_kinds
from server.graphql.refusals import BY_KIND, PUBLIC, permissions
from server.graphql.schema import SCHEMA
from server.tenants.permissions import PERMISSIONS, ROLES, SCOPES, permissions_of

#: whose tokens are tried: the two roles that between them hold everything but a biller's and a provider's reading
OWNERS = ("administrator", "care_manager")


def known(kind: str) -> bool:
    """Is this a kind of the product's own schema? Tests of the edge register kinds of a schema of theirs."""
    return SCHEMA.get_type_by_name(kind) is not None


def drafted() -> dict[str, dict[str, list[str]]]:
    """{"fields": {field: roles}, "tokens": {field: scope:owner}, "routes": {route: roles, or `anybody`}}."""
    from page_forms import routes

    fields = {place: permission for place, permission in permissions(SCHEMA).items() if permission != BY_KIND}
    fields |= {f"Query.node of {kind.kind}": kind.permission for kind in node_kinds() if known(kind.kind)}
    return {
        "fields": {place: _roles(permission) for place, permission in sorted(fields.items())},
        "tokens": {
            place: [
                f"{scope}:{owner}"
                for scope in SCOPES
                for owner in OWNERS
                if permission == PUBLIC or permission in SCOPES[scope] & permissions_of(owner)
            ]
            for place, permission in sorted(fields.items())
        },
        "routes": {
            route.name: _roles(route.permission) if route.scope == "tenant" else [_OUTSIDE[route.scope]]
            for route in sorted(routes(), key=lambda r: (r.path, r.method))
        },
    }


_OUTSIDE = {"public": "anybody", "platform": "anybody signed in"}


def _roles(permission: str) -> list[str]:
    return ["anybody"] if permission == PUBLIC else sorted(set(ROLES) & PERMISSIONS[permission][0])


def written(matrix: dict[str, dict[str, list[str]]]) -> str:
    lines = [
        "# Who may do what. Drafted by tests/authorization/draft_matrix.py; read every difference before committing it."
    ]
    for table, rows in matrix.items():
        lines += ["", f"[{table}]", *(f'"{name}" = "{", ".join(who)}"' for name, who in rows.items())]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(written(drafted()))
