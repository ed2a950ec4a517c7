"""What folders and names tell of a copy: an album that somebody made, or a place where copies end up by themselves."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import PurePath

_WORDS = """
backup backups bak sicherung sicherungen sicherungskopie datensicherung sauvegarde sauvegardes respaldo respaldos
zaloha zalohy yedek varmuuskopio varmuuskopiot sikkerhedskopi sikkerhetskopi sakerhetskopia reservekopie zapasowa
mentes бэкап бекап резервная резервные גיבוי
copy copies copied copia copias copie copies kopie kopien kopia kopie kopi kopio kopija kopya masolat копия копии копія
αντιγραφο نسخة עותק duplicate duplicates duplikat duplikate doublon doublons duplicado duplicados duplicata
download downloads downloaded telechargement telechargements descarga descargas scaricati transferencias pobrane
hamtningar nedladdningar nedlastinger lataukset indirilenler stazene letoltesek загрузки загрузка
tmp temp temporary temporar temporaire temporal cache caches thumbnails thumbs
trash trashed recycle recycler recycled recyclebin papierkorb corbeille papelera cestino lixeira kosz kos roskakori
papirkurv papperskorgen prullenbak корзина deleted geloscht
whatsapp telegram viber wechat messenger recovered recup
""".split()
_INFERIOR = frozenset(_WORDS)
"""Words, case-folded and without accents, in folders and names of copies: backup, copy, download, temporary, …"""
_INSIDE: tuple[str, ...] = ("备份", "備份", "バックアップ", "백업", "副本", "复制", "拷贝", "コピー", "사본", "복사본")
_INSIDE += ("下载", "下載", "ダウンロード", "다운로드", "回收站", "ゴミ箱", "휴지통")
"""The same in scripts that write no blanks between words."""
_GENERIC = frozenset(
    """
    album albums alben photo photos foto fotos fotografien picture pictures image images imagenes immagini bild bilder
    img imgs dcim camera kamera roll gallery galerie media misc diverse various unsorted unsortiert new neu folder
    ordner desktop documents dokumente inbox import imports export exports upload uploads mobile phone handy iphone
    android card sdcard usb drive disk data home users user root volumes mnt library bibliothek screenshots screenshot
    untitled private public shared sync dropbox onedrive icloud files test tests
    """.split()
)
"""Words that say nothing of what a folder holds."""
_COUNTED = re.compile(r"[\s_]*\(\d{1,2}\)$")
_BY_MESSENGER = re.compile(r"^(img|vid)-\d{8}-wa\d+", re.IGNORECASE)
_UNPACKED = re.compile(r"^_mei\d+$", re.IGNORECASE)
_DATED = re.compile(r"(?<!\d)(19|20)\d{2}(?!\d)|(?<!\d)(19|20)\d{2}[01]\d[0-3]\d(?!\d)")
_CAMERA_FOLDER = re.compile(r"^\d{3}[a-z_]+\d*$", re.IGNORECASE)
_LEAST_LETTERS = 3  # of a word that tells an album; no measurement is kept


def marks_of(path: str) -> tuple[str, ...]:
    """Return the folders, and the name, by which a path looks like that of a copy.

    Examples
    --------
    >>> marks_of("/photos/Backup 2019/IMG_1 (1).jpg"), marks_of("/photos/2014 Rome/IMG_1.jpg")
    (('Backup 2019', 'IMG_1 (1)'), ())
    """
    pure = PurePath(path)
    return tuple(part for part in (*pure.parent.parts, pure.stem) if _is_inferior(part))


def album_of(path: str) -> str:
    """Return the folder of a picture if its name has a date or says what it holds, else "".

    Examples
    --------
    >>> album_of("/photos/2014-06 Rome/IMG_1.jpg"), album_of("/photos/DCIM/100CANON/IMG_1.jpg")
    ('2014-06 Rome', '')
    """
    name = PurePath(path).parent.name
    return name if _is_album(name) else ""


@lru_cache(maxsize=65536)
def _is_inferior(part: str) -> bool:
    if _COUNTED.search(part) or _BY_MESSENGER.search(part) or _UNPACKED.search(part):
        return True
    return not _INFERIOR.isdisjoint(_words(part)) or any(word in part for word in _INSIDE)


@lru_cache(maxsize=65536)
def _is_album(name: str) -> bool:
    if _is_inferior(name) or _CAMERA_FOLDER.search(name):
        return False
    telling = [word for word in _words(name) if len(word) >= _LEAST_LETTERS and word not in _GENERIC]
    return bool(_DATED.search(name) or any(word.isalpha() for word in telling))


def _words(text: str) -> list[str]:
    """Return the words of a name, case-folded and without accents; "myBackup2" has the words of "my Backup 2"."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    parted = re.sub(r"(?<=[a-zа-я])(?=[A-ZА-Я])|(?<=[^\W\d_])(?=\d)", " ", plain)
    # the whole as well: "WhatsApp" is one word
    return [word for form in (parted, plain) for word in re.findall(r"[^\W\d_]+", form.casefold())]
