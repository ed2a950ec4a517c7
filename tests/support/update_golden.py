"""Write the golden bodies anew, after a change that was meant: `make golden`; read what git says has changed."""

from __future__ import annotations

from tests.support.bodies import CASES, FOLDER, shown


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in {path.stem for path in FOLDER.glob("*.json")} - CASES.keys():
        (FOLDER / f"{stale}.json").unlink()
    for name, query in CASES.items():
        (FOLDER / f"{name}.json").write_text(shown(query), encoding="utf-8")


if __name__ == "__main__":
    main()
