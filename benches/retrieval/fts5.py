"""The baseline of the index: the text of all transcripts below DIR into SQLite FTS5, one row a content block.
usage: fts5.py DIR DB"""
import json, os, sqlite3, sys

SQL = """PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
CREATE TABLE m(id INTEGER PRIMARY KEY, sid TEXT, role TEXT, text TEXT);
CREATE VIRTUAL TABLE f USING fts5(text, content='m', content_rowid='id', tokenize='unicode61 remove_diacritics 2');"""


def flat(c):
    if isinstance(c, str):
        return c
    return '\n'.join(x.get('text') or '' for x in c or [] if isinstance(x, dict))


def blocks(record):
    message = record.get('message')
    content = message.get('content') if isinstance(message, dict) else None
    if isinstance(content, str):
        yield record['type'], content
        return
    for b in content if isinstance(content, list) else []:
        kind = b.get('type') if isinstance(b, dict) else None
        if kind == 'text':
            yield record['type'], b.get('text') or ''
        elif kind == 'thinking':
            yield kind, b.get('thinking') or ''
        elif kind == 'tool_use':
            i = b.get('input')
            yield kind, '\n'.join(str(v) for v in (i.values() if isinstance(i, dict) else [i]))
        elif kind == 'tool_result':
            yield kind, flat(b.get('content'))


root, path = sys.argv[1:]
db = sqlite3.connect(path)
db.executescript(SQL)
for folder, _, files in os.walk(root, followlinks=True):
    for name in sorted(f for f in files if f.endswith('.jsonl')):
        rows = []
        for line in open(os.path.join(folder, name), 'rb'):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get('type') in ('user', 'assistant'):
                rows += [(name, r, t.encode('utf-8', 'replace').decode()) for r, t in blocks(record) if t.strip()]
        db.executemany('INSERT INTO m(sid,role,text) VALUES(?,?,?)', rows)
db.execute('INSERT INTO f(rowid,text) SELECT id,text FROM m')
db.commit()
print(db.execute('SELECT count(*), sum(length(text)) FROM m').fetchone())
