"""One-time links, browsers' sessions, and the token in every form."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import delete

from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import TokenRow, now

LINK, SESSION = "link", "session"
LINK_LIFE = timedelta(minutes=30)
SESSION_LIFE = timedelta(days=30)
LONGEST = 100
"""Characters of a token that is looked at; ours have 43."""


class Tokens:
    """Tokens of one server; the database has their hashes alone.

    Args:
        database: where they are.
        scope: whose they are: the machine's name and the port.
    """

    def __init__(self, database: Database, scope: str) -> None:
        self._database, self._scope = database, scope
        self._known: dict[str, datetime] = {}

    def make_link(self) -> str:
        """Make a token that opens the studio once."""
        return self._make(LINK, LINK_LIFE)

    def redeem(self, link: str) -> str | None:
        """Return the token of a new session for a link's; None where it was used, has expired or was never given."""
        with self._database.write() as session:
            session.execute(delete(TokenRow).where(TokenRow.expires < now()))
            done = session.execute(delete(TokenRow).where(TokenRow.hash == self._hash(LINK, link)))
        return self._make(SESSION, SESSION_LIFE) if getattr(done, "rowcount", 0) else None

    def is_session(self, token: str) -> bool:
        """Whether a browser has opened the studio with a link."""
        key = self._hash(SESSION, token)
        if key not in self._known:
            with self._database.read() as session:
                found = session.get(TokenRow, key)
            if found is None:
                return False
            self._known[key] = found.expires
        return self._known[key] > now()

    def _make(self, kind: str, life: timedelta) -> str:
        token = token_urlsafe(32)
        with self._database.write() as session:
            session.add(TokenRow(hash=self._hash(kind, token), kind=kind, expires=now() + life))
        return token

    def _hash(self, kind: str, token: str) -> str:
        return sha256(f"{kind} {self._scope} {token[:LONGEST]}".encode()).hexdigest()


def form_token(session: str) -> str:
    """The token that every form of a session has: another origin can neither read nor compute it."""
    return hmac.new(session.encode(), b"form", sha256).hexdigest()


def is_form_token(given: object, session: str) -> bool:
    """Compare in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), form_token(session).encode())
