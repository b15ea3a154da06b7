# SPDX-License-Identifier: Apache-2.0
"""Which key asks, and whether it may: checked in memory, on every request.

- The keys of the node are held by each process and follow the change log: a revoked key is refused within a second.
- A key is found by its prefix and compared by its hash, in constant time; wrong, expired and revoked keys look the same
  from outside, so that nobody learns which prefixes exist.
- A request counts before its body is read, whatever becomes of it; its values, once it is known how many they are.
- A scope that a key lacks is refused by name: its holder has to know what to ask for.
"""

import base64
import binascii
import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from vigie.errors import NotAllowedError
from vigie_node.accounts import key_actions, tokens
from vigie_node.accounts import queries as accounts
from vigie_node.accounts.queries import KeyRecord
from vigie_node.accounts.roles import Scope
from vigie_node.alarms import actions as alarms
from vigie_node.alarms.codes import Alarm
from vigie_node.base.actor import NODE, Actor, ActorKind
from vigie_node.partner_api.quotas import OverQuotaError, Quotas

_NO_KEY = "no valid key came with the request; ask the node's operator for one"


class UnknownCallerError(NotAllowedError):
    """No valid key came with the request."""

    code = "partners.unknown-caller"
    http_status = 401


class MissingScopeError(NotAllowedError):
    """The key may not do this."""

    code = "partners.missing-scope"


@dataclass(frozen=True, slots=True)
class Caller:
    """The key that asks."""

    key: KeyRecord

    @property
    def actor(self) -> Actor:
        """Return who acts, for the audit."""
        return Actor(ActorKind.KEY, self.key.id, self.key.organisation_id)

    def has(self, scope: Scope) -> bool:
        """Say whether the key carries a scope."""
        return scope in self.key.scopes


class KeyRing:
    """The keys of the node, in this process."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._keys: dict[str, KeyRecord] | None = None
        self._revoked: frozenset[uuid.UUID] = frozenset()
        self._used: Counter[uuid.UUID] = Counter()
        self._values: Counter[uuid.UUID] = Counter()
        self._refused: Counter[uuid.UUID] = Counter()
        self._changing = threading.Lock()

    def reload(self, key_id: str = "") -> None:
        """Read one key again, or all of them."""
        with self._changing:
            if self._keys is None or not key_id:
                self._keys = {one.prefix: one for one in accounts.key_records()}
            elif (one := accounts.key_record(uuid.UUID(key_id))) is not None:
                self._keys = {**self._keys, one.prefix: one}
            self._revoked = frozenset(one.id for one in self._keys.values() if one.revoked)

    def caller(self, token: str, *, scope: Scope, now: datetime) -> Caller:
        """Return who brings this token, if they may do what the scope says.

        Raises:  UnknownCallerError, MissingScopeError.
        """
        if self._keys is None:
            self.reload()
        one = (self._keys or {}).get(tokens.key_prefix(token) or "")
        if (
            one is None
            or not tokens.is_same(token, one.secret_sha256)
            or one.revoked
            or (one.expires_at is not None and one.expires_at <= now)
        ):
            raise UnknownCallerError(_NO_KEY)
        if scope not in one.scopes:
            raise MissingScopeError(f"this key lacks the scope {scope}; ask the node's operator for it")
        return Caller(one)

    def check_stands(self, key: uuid.UUID) -> None:
        """Refuse a key that was revoked since it was let in.

        Raises:  UnknownCallerError.
        """
        if key in self._revoked:
            raise UnknownCallerError(_NO_KEY)

    def count_request(self, caller: Caller, *, now: datetime) -> None:
        """Count a request against the key's requests a minute.

        Raises:  OverQuotaError.
        """
        self._count(caller.key, requests=1, values=0, now=now)
        self._used[caller.key.id] += 1

    def count_values(self, caller: Caller, values: int, *, now: datetime) -> None:
        """Count what a request asks for against the key's values a day.

        Raises:  OverQuotaError.
        """
        self._count(caller.key, requests=0, values=values, now=now)
        self._values[caller.key.id] += values

    def _count(self, key: KeyRecord, *, requests: int, values: int, now: datetime) -> None:
        limits = {"per_minute": key.per_minute, "values_per_day": key.values_per_day}
        try:
            self._quotas.count(key.id, requests=requests, values=values, **limits, now=now)
        except OverQuotaError:
            self._refused[key.id] += 1
            raise

    def note_used(self, *, now: datetime) -> None:
        """Record which keys asked how often since the last time, and which for too much; nothing of what was asked."""
        used, values, refused = self._used, self._values, self._refused
        self._used, self._values, self._refused = Counter(), Counter(), Counter()
        for key, times in refused.items():
            alarms.raise_alarm(Alarm.OVER_QUOTA, subject=key, count=times, by=NODE, now=now)
        for key, requests in used.items():
            key_actions.note_key_used(key, requests=requests, values=values[key], by=NODE, now=now)


def token_of(authorization: str) -> str:
    """Return the token of an Authorization header: Bearer, or Basic with the token as the password.

    Raises:  UnknownCallerError.
    """
    kind, _, text = authorization.partition(" ")
    match kind.lower():
        case "bearer":
            return text.strip()
        case "basic":
            try:
                _, _, password = base64.b64decode(text.strip(), validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise UnknownCallerError("the Authorization header is malformed") from error
            return password
    raise UnknownCallerError("bring a key in the Authorization header: Bearer vk_…")
