# SPDX-License-Identifier: Apache-2.0
"""What an error says on a page, in the reader's language.

- A message that stands word for word in the translations is said word for word.
- So is one with places in braces, if it was given with its values.
- Any other is said by its kind, the message behind it as it is: never less than in English.
"""

from collections.abc import Mapping

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from vigie import errors

_KINDS = {
    errors.InvalidInputError: _("This cannot be taken as it is; change it."),
    errors.NotFoundError: _("There is no such thing, or not for you."),
    errors.NotAllowedError: _("A role or a policy does not allow this."),
    errors.WrongStateError: _("This is not possible from the present state, or was done already."),
    errors.UntrustedError: _("This cannot be trusted; get it again from where it came."),
    errors.UnreadableError: _("This cannot be read safely."),
    errors.UnavailableError: _("This does not answer just now; try again."),
}


def said(error: errors.VigieError) -> str:
    """Say an error in the reader's language."""
    message = str(error)
    translation = filled(error.template, error.values)
    kind = next((words for kind, words in _KINDS.items() if isinstance(error, kind)), None)
    if kind is None or translation != message or (get_language() or "en").startswith("en"):
        return translation
    return f"{kind} ({message})" if message else str(kind)


def filled(template: str, values: Mapping[str, str | int]) -> str:
    """Say a sentence with places in braces in the reader's language, with what stands there."""
    translation = gettext(template) if template else ""
    return translation.format(**values) if values else translation
