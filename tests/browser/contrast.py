"""Checks the contrast of the colours that the browser has computed.

Text must have 4.5 to 1, and bars 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
"""

import re

from playwright.sync_api import Page

TEXT, GRAPHICS = 4.5, 3.0

Color = tuple[float, float, float]

# Each visible text of the content, and each bar: its colour, and the nearest background.
_COLORS = """() => {
    const ground = one => {
        for (let at = one; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (color !== 'rgba(0, 0, 0, 0)') return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const visible = one => one.checkVisibility() && one.getBoundingClientRect().width > 0;
    const own_text = one => [...one.childNodes].some(node => node.nodeType === 3
        && node.textContent.trim());
    const found = [];
    for (const one of document.querySelectorAll('#content *')) {
        if (!visible(one)) continue;
        const style = getComputedStyle(one);
        const svg = one.namespaceURI.endsWith('svg');
        if (one.matches('svg text'))
            found.push(['text', style.fill, ground(one), one.textContent]);
        else if (one.matches('rect.console-bar') && style.fill.startsWith('rgb'))
            found.push(['bar', style.fill, ground(one), one.getAttribute('class')]);
        else if (!svg && one.matches('option') === false && own_text(one))
            found.push(['text', style.color, ground(one), one.textContent.trim().slice(0, 40)]);
    }
    for (const one of document.querySelectorAll('pattern > rect'))
        found.push(['bar', getComputedStyle(one).fill,
            ground(document.querySelector('figure')), one.parentElement.id]);
    return found;
}"""


def too_faint(page: Page) -> list[str]:
    """Return a sentence for each text or bar with too little contrast. Fails without any text."""
    found = page.evaluate(_COLORS)
    assert len(found) > 5
    faint = []
    for kind, color, ground, what in found:
        ratio = contrast(_color(color), _color(ground))
        if ratio < (TEXT if kind == "text" else GRAPHICS):
            faint.append(f"{what!r}: {color} on {ground} is {ratio:.2f} to 1")
    return faint


def contrast(first: Color, second: Color) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _color(text: str) -> Color:
    red, green, blue = (float(part) / 255 for part in re.findall(r"[\d.]+", text)[:3])
    return red, green, blue
