"""Writes the subsets beside it out of Debian's packages.

Debian's fonts-droid-fallback (1:6.0.1r16-1.1) and fonts-noto-core (20201225-1), unpacked with
`dpkg-deb -x`; fonttools 4. Then: python3 subset.py FOLDER_OF_USR_SHARE
"""

import os
import sys

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(codec, first, last):
    """The characters of some rows of a 94 by 94 set."""
    found = set()
    for row in range(0xA0 + first, 0xA1 + last):
        for cell in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes([row, cell]).decode(codec)))
            except UnicodeDecodeError:
                pass
    return found


def east_asian():
    """Han of GB 2312 (both levels) and of JIS X 0208 level 1, Hangul of KS X 1001, kana, signs."""
    han = rows("gb2312", 16, 87) | rows("euc_jp", 16, 47)
    hangul = rows("euc_kr", 16, 40) | set(range(0x3131, 0x318F))
    signs = set(range(0x3000, 0x3100)) | set(range(0xFF01, 0xFFEF))
    return han | hangul | signs | {0x20}


def arabic(path):
    """All but the presentation forms, which are for old encodings; four signs among them stay."""
    forms = set(range(0xFB50, 0xFE00)) | set(range(0xFE70, 0xFF00))
    return set(TTFont(path).getBestCmap()) - forms | {0xFD3E, 0xFD3F, 0xFDF2, 0xFDFC}


def write(source, name, characters, features):
    options = subset.Options()
    options.layout_features = features
    options.name_IDs = list(range(0, 18))
    options.notdef_outline = True
    options.hinting = False
    options.drop_tables += ["vhea", "vmtx"]
    font = subset.load_font(source, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    subset.save_font(font, os.path.join(HERE, name), options)


def main(share):
    droid = os.path.join(share, "fonts-droid-fallback/truetype/DroidSansFallback.ttf")
    write(droid, "DroidSansFallback-Subset.ttf", east_asian(), [])
    for weight in ("Regular", "Bold"):
        noto = os.path.join(share, "fonts/truetype/noto/NotoSans")
        path = f"{noto}Arabic-{weight}.ttf"
        write(path, f"NotoSansArabic-{weight}.ttf", arabic(path), ["*"])
        path = f"{noto}Devanagari-{weight}.ttf"
        write(path, f"NotoSansDevanagari-{weight}.ttf", set(TTFont(path).getBestCmap()), ["*"])


if __name__ == "__main__":
    main(sys.argv[1])
