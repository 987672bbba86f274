"""What a message carries besides attachments: locations, contacts, choices, templates, orders."""

from collections.abc import Callable
from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from apps.messages.chat.fields import (
    ITSELF,
    Fields,
    inside,
    lines,
    take,
    take_each,
    take_flag,
    take_link,
)
from apps.messages.chat.rows import Piece

_REPLIES = {
    "button_reply": gettext_noop("Button reply"),
    "list_reply": gettext_noop("List reply"),
    "nfm_reply": gettext_noop("Form reply"),
}
_INTERACTIVE_TYPES = (*_REPLIES, "button", "list")


def take_forms(fields: Fields) -> list[Piece]:
    """Take everything from a message that one of this module's functions can show."""
    return [piece for take_form in _FORMS for piece in take_form(fields)]


def _subject(fields: Fields) -> list[Piece]:
    subject = take(fields, "subject")
    return [Piece(kind=_("Subject"), text=subject)] if subject else []


def _forwarded(fields: Fields) -> list[Piece]:
    flags = [
        take_flag(inside(fields, "context"), "forwarded"),
        take_flag(inside(fields, "context"), "frequently_forwarded"),
        take_flag(fields, "forwarded"),
    ]
    return [Piece(kind=_("Forwarded"))] if any(flags) else []


def _locations(fields: Fields) -> list[Piece]:
    return take_each(fields, "location", _location)


def _location(item: Fields) -> Piece | None:
    name = take(item, "name", ITSELF)
    address = take(item, "address")
    latitude = take(item, "latitude", "lat")
    longitude = take(item, "longitude", "lng", "lon", "long")
    coordinates = ", ".join(part for part in (latitude, longitude) if part)
    return _piece(_("Location"), name, address, coordinates, link_from=item)


def _contacts(fields: Fields) -> list[Piece]:
    return [
        piece for name in ("contacts", "contact") for piece in take_each(fields, name, _contact)
    ]


def _contact(item: Fields) -> Piece | None:
    names = inside(item, "name")
    name = take(names, "formatted_name")
    if not name:
        parts = (take(of, part) for of in (names, item) for part in ("first_name", "last_name"))
        name = " ".join(part for part in parts if part)
    return _piece(
        _("Contact"),
        name or take(item, "name", ITSELF),
        take(inside(item, "org"), "company"),
        *take_each(item, "phones", partial(_one, names=("phone", "wa_id"))),
        take(item, "phone_number", "phone"),
        *take_each(item, "emails", partial(_one, names=("email",))),
    )


def _choices(fields: Fields) -> list[Piece]:
    """Take what the contact chose, or what it may choose from."""
    pieces = [*_interactive(inside(fields, "interactive"))]
    button = _piece(_("Button reply"), take(inside(fields, "button"), "text"))
    pieces += [button] if button else []
    for name in ("quick_replies", "buttons"):
        pieces += _options(take_each(fields, name, _option))
    return pieces


def _interactive(interactive: Fields) -> list[Piece]:
    pieces = []
    for name, kind in _REPLIES.items():
        reply = inside(interactive, name)
        title = take(reply, "title", "body", "name")
        pieces.append(_piece(_(kind), title, take(reply, "description")))
    parts = [inside(interactive, name) for name in ("header", "body", "footer")]
    pieces.append(_piece(_("Question"), *(take(part, "text") for part in parts)))
    action = inside(interactive, "action")
    options = [
        *take_each(action, "buttons", _option),
        *(option for rows in take_each(action, "sections", _section) for option in rows),
    ]
    if interactive.get("type") in _INTERACTIVE_TYPES:
        take(interactive, "type")
    return [*(piece for piece in pieces if piece), *_options(options)]


def _section(section: Fields) -> list[str]:
    title = take(section, "title")
    return [*([title] if title else []), *take_each(section, "rows", _option)]


def _option(item: Fields) -> str | None:
    title = take(item, ITSELF, "title", "text") or take(inside(item, "reply"), "title")
    description = take(item, "description")
    return ": ".join(part for part in (title, description) if part) or None


def _options(options: list[str]) -> list[Piece]:
    return [Piece(kind=_("Options"), text=lines(*options))] if options else []


def _templates(fields: Fields) -> list[Piece]:
    return take_each(fields, "template", _template)


def _template(item: Fields) -> Piece | None:
    name = take(item, "name", ITSELF)
    language = take(item, "language") or take(inside(item, "language"), "code")
    title = f"{name} ({language})" if language else name
    return _piece(_("Template"), title, *take_each(item, "components", _component))


def _component(item: Fields) -> str | None:
    parameters = take_each(item, "parameters", _parameter)
    texts = [take(item, "text", ITSELF), ", ".join(parameters)]
    content = ", ".join(text for text in texts if text)
    return f"{take(item, 'type') or 'text'}: {content}" if content else None


def _parameter(item: Fields) -> str | None:
    text = take(item, "text", ITSELF)
    if text and item.get("type") == "text":
        take(item, "type")
    return text or None


def _orders(fields: Fields) -> list[Piece]:
    return take_each(fields, "order", _order)


def _order(item: Fields) -> Piece | None:
    return _piece(
        pgettext("what a contact buys", "Order"),
        take(item, "text", ITSELF),
        *take_each(item, "product_items", _product),
    )


def _product(item: Fields) -> str | None:
    name = take(item, "name", ITSELF)
    number = take(item, "product_retailer_id", "product_id")
    product = f"{name} ({number})" if name and number else name or number
    quantity, price = take(item, "quantity"), take(item, "item_price", "price")
    price = f"{price} {take(item, 'currency')}".strip() if price else ""
    amount = _("%(quantity)s of %(product)s") % {"quantity": quantity, "product": product}
    counted = amount if quantity else product
    return ", ".join(part for part in (counted, price) if part) or None


def _one(item: Fields, *, names: tuple[str, ...]) -> str | None:
    return take(item, ITSELF, *names) or None


def _piece(kind: str, *texts: str, link_from: Fields | None = None) -> Piece | None:
    """Return a piece with these texts, or None if there is nothing to show."""
    link = take_link(link_from, "url", "link") if link_from else None
    text = lines(*texts)
    return Piece(kind=kind, text=text, link=link) if text or link else None


_FORMS: tuple[Callable[[Fields], list[Piece]], ...] = (
    _subject,
    _forwarded,
    _templates,
    _choices,
    _locations,
    _contacts,
    _orders,
)
