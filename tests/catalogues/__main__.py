"""`make messages`: update the catalogues from the code, compile them, and list what is missing."""

import sys

from tests.catalogues.extracting import extracted
from tests.catalogues.files import LOCALES, is_translated, path_of, update


def main() -> int:
    """Update both catalogues. Return how many messages have no translation, at most 1."""
    messages = extracted()
    missing = 0
    for locale in LOCALES:
        catalogue = update(locale, messages=messages)
        untranslated = [one for one in catalogue if one.id and not is_translated(one)]
        for one in untranslated:
            sys.stdout.write(f"{path_of(locale, suffix='.po')}: {one.id!r} is not translated\n")
        missing += len(untranslated)
        sys.stdout.write(f"{locale}: {len(catalogue)} messages, {len(untranslated)} missing\n")
    return min(missing, 1)


if __name__ == "__main__":
    sys.exit(main())
