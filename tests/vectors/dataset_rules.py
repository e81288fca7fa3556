"""Writes dataset_rules.jsonl: what the published rules of other people's sets give.

Run with CPython 3.11 or newer, in this folder: python3 dataset_rules.py > dataset_rules.jsonl

RULER: postprocess_pred of scripts/eval/evaluate.py, string_match_all and string_match_part of
scripts/eval/synthetic/constants.py in NVIDIA/RULER (Apache-2.0, commit c3f5e3b4f87f), for one
pair, without the rounding of the mean to two digits.
MRCR: grade of the README of the data set openai/mrcr, with CPython's own difflib.
The plain rules: str.split, str.casefold and `in` of CPython.
"""

import json
import random
import re
from difflib import SequenceMatcher


def postprocess_pred(predict_str):
    predict_str = predict_str.strip()
    np_pattern = re.compile(r"[\x00-\x1f]")
    return np_pattern.sub("\n", predict_str).strip()


def string_match_part(pred, ref):
    return max([1.0 if r.lower() in pred.lower() else 0.0 for r in ref])


def string_match_all(pred, ref):
    return sum([1.0 if r.lower() in pred.lower() else 0.0 for r in ref]) / len(ref)


def grade(response, answer, random_string_to_prepend):
    if not response.startswith(random_string_to_prepend):
        return 0.0
    response = response.removeprefix(random_string_to_prepend)
    answer = answer.removeprefix(random_string_to_prepend)
    return float(SequenceMatcher(None, response, answer).ratio())


def normalised(text):
    return " ".join(text.casefold().split())


def plain(rule, reply, answers):
    reply, answers = normalised(reply), [normalised(answer) for answer in answers]
    if rule == "exact":
        return 1.0 if reply in answers else 0.0
    found = [answer in reply for answer in answers]
    return float(any(found)) if rule == "any" else sum(found) / len(found)


WORDS = """the of and to a in that is was he for it with as his on be at by had not are but from
or have an they which one you were all her she there would their we him been has when who will no
more if out so tapir river poem mountain Straße İstanbul ΣΊΣΥΦΟΣ Σίσυφος ﬁn naïve Ǆungla café
звезда Ночь 呐喊 彷徨 こんにちは 서울 مرحبا नमस्ते 😀 👩‍👩‍👧""".split()
STRANGE = list("\x00\x01\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f \x85\xa0\u200b\u2003\u3000\ufeff") + [
    "e\u0301", "ẞ", "ı", "ŉ", "ΐ", "ᾳ", "Ω", "K"]


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def mutated(rng, said, share):
    out = []
    for c in said:
        if rng.random() >= share:
            out.append(c)
            continue
        kind = rng.randrange(4)
        if kind == 0:
            out += [rng.choice("etaoin shrdlu呐é"), c]
        elif kind == 1:
            out.append(rng.choice("ETAOIN-xyz😀"))
        elif kind == 2 and len(out) > 10:
            out += out[-rng.randrange(1, 10):]
    return "".join(out)


def cased(rng, said):
    return rng.choice([str.upper, str.lower, str.title, str.swapcase, str])(said)


def wrapped(rng, said):
    edge = lambda: "".join(rng.choice(STRANGE) for _ in range(rng.randrange(4)))
    return edge() + said + edge()


def pairs(rng):
    """Replies with the answers expected of them, of the size of RULER's."""
    yield "", ["x"]
    yield "", [""]
    yield "x", [""]
    yield "\x1c 12\x0034 \x1f", ["12\n34", "1234"]
    yield "ODYSSEUS ΟΔΥΣΣΕΥΣ", ["οδυσσευς", "οδυσσευσ"]
    yield "Die Strasse", ["straße", "STRASSE", "Straße"]
    for _ in range(170):
        answers = [rng.choice([str(rng.randrange(10**6, 10**7)), rng.choice(WORDS), text(rng, 2)])
                   for _ in range(rng.randrange(1, 6))]
        said = [cased(rng, answer) for answer in answers if rng.random() < 0.6]
        rng.shuffle(said)
        joined = wrapped(rng, rng.choice([", ", "\n", " ", "\x01", " and "]).join(said))
        if rng.random() < 0.2 and len(answers) == 1:
            joined = wrapped(rng, cased(rng, answers[0]))
        yield joined, answers


def likenesses(rng):
    """Texts to compare, from nothing to some hundreds of characters, around the 200 of autojunk."""
    yield "", ""
    yield "", "abc"
    yield "abc", ""
    yield "abcd", "bcde"
    yield "a" * 199, "a" * 199
    yield "a" * 200, "a" * 200
    yield "ab" * 100, "ba" * 100
    yield "private Thread currentThread;", "private volatile Thread currentThread;"
    alphabet = "".join(chr(0x4E00 + i) for i in range(120))
    for size in (198, 199, 200, 201, 299, 300, 301, 400):
        b = "".join(rng.choice(alphabet) for _ in range(size))
        yield mutated(rng, b, 0.05), b
        yield "".join(rng.choice(alphabet) for _ in range(size)), b
    for letters in (2, 4, 12, 26, 90):
        for size in (20, 150, 199, 200, 260, 500):
            pick = lambda: "".join(chr(97 + rng.randrange(letters)) for _ in range(size))
            b = pick()
            yield pick(), b
            yield mutated(rng, b, 0.1), b
    for words in (1, 5, 30, 50, 90, 160):
        for share in (0.0, 0.01, 0.1, 0.5):
            b = text(rng, words)
            yield mutated(rng, b, share), b
            yield text(rng, words), b
    for _ in range(40):
        b = text(rng, rng.randrange(1, 60))
        cut = sorted(rng.randrange(len(b) + 1) for _ in range(2))
        yield b[cut[1]:] + b[cut[0]:cut[1]] + b[:cut[0]], b


def written(row):
    print(json.dumps(row, ensure_ascii=True, separators=(",", ":")))


def main():
    rng = random.Random(20261122)
    for reply, answers in pairs(rng):
        pred = postprocess_pred(reply)
        written({
            "reply": reply, "answers": answers,
            "ruler-all": string_match_all(pred, answers),
            "ruler-part": string_match_part(pred, answers),
            "any": plain("any", reply, answers),
            "all": plain("all", reply, answers),
            "exact": plain("exact", reply, answers),
        })
    for number, (a, b) in enumerate(likenesses(rng)):
        prefix = "".join(rng.choice("abcdefghijABCDEFGHIJ0123456789") for _ in range(10))
        response = [prefix + a, prefix + a, a, " " + prefix + a][0 if number % 8 else number // 8 % 4]
        written({"reply": response, "answers": [prefix + b], "prefix": prefix,
                 "mrcr": grade(response, prefix + b, prefix)})


if __name__ == "__main__":
    main()
