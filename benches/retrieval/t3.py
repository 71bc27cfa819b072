#!/usr/bin/env python3
"""T3 of the retrieval kit: what an agent wrote about a conversation, as a query for it.

usage: t3.py KIT [GITDIR]

Reads KIT/manifest.json, KIT/home and, if GITDIR holds the branch the kit was made of, the summaries beside its
transcripts; writes KIT/t3.json. Three kinds: the title of a `summary` record (for the conversation that owns its leaf),
the first sentence of a compact summary's "Primary Request and Intent", the `intent` of a checkpoint's metadata. A
query that stands word by word in one of its conversations outside of such records is of the stratum leak. Whoever
measures takes titles and summaries out (`-role:summary -role:title`). Standard library only.
"""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path


def words(text):
    return re.findall(r"\w+", text.lower())


def records(path):
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def said(record):
    """All text of a record that search can find; a summary is none."""
    if record.get("type") not in ("user", "assistant") or record.get("isCompactSummary"):
        return
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    stack = [content]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(v for k, v in value.items() if k not in ("signature", "id", "type"))
        elif isinstance(value, list):
            stack.extend(value)


def flat(content):
    if isinstance(content, str):
        return content
    return "\n".join(b.get("text") or "" for b in content or [] if isinstance(b, dict))


def intent(text):
    """The first sentence behind the heading that compact summaries have."""
    found = re.search(r"Primary Request and Intent:?\**:?\s*(.+)", text)
    if not found:
        return None
    line = re.sub(r"[*`]", "", found.group(1)).strip()
    return re.split(r"(?<=[.:!?])\s", line)[0][:300]


def checkpoints(gitdir):
    """(conversation, intent) of every checkpoint that has a summary."""
    def git(*args):
        return subprocess.run(["git", "-C", gitdir, *args], capture_output=True, check=True).stdout
    refs = git("for-each-ref", "--format=%(refname)").decode().split()
    ref = next(r for r in refs if r.endswith("entire/checkpoints/v1"))
    for entry in git("ls-tree", "-r", "-z", ref).split(b"\0"):
        if not entry.endswith(b"/metadata.json"):
            continue
        record = json.loads(git("cat-file", "blob", entry.split()[2].decode()))
        summary = record.get("summary")
        if isinstance(summary, dict) and summary.get("intent") and record.get("session_id"):
            yield re.sub(r"^\d{4}-\d\d-\d\d-(?=[0-9a-f]{8}-)", "", record["session_id"]), summary["intent"]


def main():
    kit = Path(sys.argv[1])
    files = {x["session"]: kit / x["file"] for x in json.loads((kit / "manifest.json").read_text())}
    owner, titles, queries = {}, [], []
    for session, path in files.items():
        for record in records(path):
            if record.get("uuid"):
                owner.setdefault(record["uuid"], session)
            if record.get("type") == "summary" and record.get("summary"):
                titles.append((record["summary"], record.get("leafUuid")))
            if record.get("isCompactSummary"):
                message = record.get("message")
                text = intent(flat(message.get("content") if isinstance(message, dict) else ""))
                if text:
                    queries.append((text, session, "compact"))
    queries += [(t, owner[leaf], "title") for t, leaf in titles if leaf in owner]
    if len(sys.argv) > 2:
        queries += [(t, s, "checkpoint") for s, t in checkpoints(sys.argv[2]) if s in files]
    merged = {}
    for text, session, kind in queries:
        text = " ".join(text.split())
        if len(words(text)) >= 3:
            entry = merged.setdefault(text, {"q": text, "sessions": [], "kind": kind})
            if session not in entry["sessions"]:
                entry["sessions"].append(session)
    needles = {q: " " + " ".join(words(q)) + " " for q in merged}
    leaks = set()
    wanted = {}
    for q, entry in merged.items():
        for session in entry["sessions"]:
            wanted.setdefault(session, []).append(q)
    for session, asked in wanted.items():
        text = " " + " ".join(words("\n".join(t for r in records(files[session]) for t in said(r)))) + " "
        leaks.update(q for q in asked if needles[q] in text)
    out = [dict(e, stratum="leak" if q in leaks else "clean") for q, e in sorted(merged.items())]
    text = json.dumps(out, ensure_ascii=False, indent=0)
    (kit / "t3.json").write_text(text)
    kinds = {}
    for entry in out:
        kinds[(entry["kind"], entry["stratum"])] = kinds.get((entry["kind"], entry["stratum"]), 0) + 1
    print(len(out), kinds, hashlib.sha256(text.encode()).hexdigest()[:16])


if __name__ == "__main__":
    main()
