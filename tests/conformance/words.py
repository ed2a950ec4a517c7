"""Captions, tags and names as people write them in many scripts, and what should be found by what they ask."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

decomposed = unicodedata.normalize("NFD", "Café am Zürichsee"), unicodedata.normalize("NFD", "Brücke")

DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    "mac": {"path": ["/p/a.jpg"], "caption": decomposed[0], "tags": [decomposed[1]]},
    "composed": {"path": ["/p/b.jpg"], "caption": "Die alte Brücke", "tags": ["Brücke"]},
    "turkish": {"path": ["/p/c.jpg"], "caption": "Old market in İstanbul", "tags": ["İstanbul"]},
    "greek": {"path": ["/p/d.jpg"], "caption": "Αθήνα το βράδυ", "tags": ["Αθήνα"]},
    "retriever": {"path": ["/p/e.jpg"], "caption": "golden_retriever on the lawn", "tags": ["new_york"]},
    "spaced": {"path": ["/p/f.jpg"], "caption": "a golden retriever", "tags": ["New York"]},
    "french": {"path": ["/p/g.jpg"], "caption": "L'été à l'Île d'Yeu"},
    "kana": {"path": ["/p/h.jpg"], "caption": "ＡＢＣ ﾎﾃﾙ"},
    "russian": {"path": ["/p/i.jpg"], "caption": "Ёлка в Москве"},
    "whatsapp": {"path": ["/p/WhatsApp Image 2020.jpg"]},
    "gopro": {"path": ["/p/Iceland_2019/GoPro_0108.jpg"], "files": [{"path": "/p/x", "root": "/p"}]},
    "shirt": {"path": ["/p/j.jpg"], "caption": "An F-16 and a T-shirt"},
    "will": {"path": ["/p/k.jpg"], "caption": "Will and Ann", "people": ["Will Smith"]},
    "it": {"path": ["/p/l.jpg"], "caption": "The IT room"},
    "hamlet": {"path": ["/p/m.jpg"], "caption": "to be or not to be"},
    "who": {"path": ["/p/n.jpg"], "caption": "The Who on stage"},
    "whose": {"path": ["/p/o.jpg"], "caption": "a man who sings"},
}

ASKED: Mapping[str, set[str]] = {
    "Zürichsee": {"mac"},
    "zurichsee": {"mac"},
    unicodedata.normalize("NFD", "Brücke"): {"mac", "composed"},
    "BRÜCKE": {"mac", "composed"},
    "istanbul": {"turkish"},
    "İSTANBUL": {"turkish"},
    "αθηνα": {"greek"},
    "ΑΘΗΝΑ": {"greek"},
    "golden_retriever": {"retriever", "spaced"},
    '"golden retriever"': {"retriever", "spaced"},
    '"new_york"': {"retriever", "spaced"},
    "york": {"retriever", "spaced"},
    "île": {"french"},
    "l'île": {"french"},
    "yeu": {"french"},
    '"l’été à l’île d’yeu"': {"french"},
    "abc": {"kana"},
    "ホテル": {"kana"},
    "елка": {"russian"},
    "whatsapp": {"whatsapp"},
    "GoPro_0108.JPEG": {"gopro"},
    "whats": {"whatsapp"},
    '"whatsapp image"': {"whatsapp"},
    "GoPro_0108": {"gopro"},
    "iceland": {"gopro"},
    "f16": {"shirt"},
    "f-16": {"shirt"},
    "tshirt": {"shirt"},
    "will": {"will"},
    "Will Smith": {"will"},
    "IT": {"it"},
    "the IT": {"it"},
    '"to be or not to be"': {"hamlet"},
    "to be": {"hamlet"},
    '"the who"': {"who"},
    "who -stage": {"whose"},
    "ann -will": set(),
    "the lawn": {"retriever"},
}
"""A text, and the documents whose words match it."""

FILTERED: Mapping[str, set[str]] = {
    "tags:Brücke": {"mac", "composed"},
    f"tags:{unicodedata.normalize('NFD', 'brücke')}": {"mac", "composed"},
    "tags:brü*": {"mac", "composed"},
    "tags:istanbul": {"turkish"},
    "tags:İSTANBUL": {"turkish"},
    "caption:istanbul": {"turkish"},
    "caption:*stanbul*": {"turkish"},
    'caption:"golden retriever"': {"retriever", "spaced"},
    "caption:golden_retriever": {"retriever", "spaced"},
    "caption:the": {"retriever", "it", "who"},
    'people:"will smith"': {"will"},
    "filename_text:gopro": {"gopro"},
    "folder_text:iceland": {"gopro"},
}
"""A filter, and the documents that it holds for."""
