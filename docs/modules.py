"""Write the table of modules in ARCHITECTURE.md from the modules themselves: their paths and first sentences."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- modules -->", "<!-- end of modules -->"


def first_sentence(path: Path) -> str:
    """Return what a module's docstring begins with, up to the end of its first sentence."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence, dot, _ = paragraph.partition(". ")
    return sentence + dot.strip()


def table(folder: Path) -> list[str]:
    """Return the rows of one folder, packages before what is in them."""
    rows = []
    for path in sorted(folder.rglob("*.py"), key=lambda each: (each.parent.parts, each.name)):
        text = first_sentence(path)
        name = path.relative_to(ROOT).as_posix()
        if path.name == "__init__.py":
            rows.append(f"\n**{name.removesuffix('__init__.py')}** {text}\n")
        else:
            rows.append(f"- `{name}`: {text}")
    return rows


def main() -> None:
    """Rewrite the part between the marks."""
    target = ROOT / "ARCHITECTURE.md"
    head, _, rest = target.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    rows = [*table(ROOT / "eventflow"), *table(ROOT / "nodes" / "eventflow_nodes")]
    target.write_text(f"{head}{BEGIN}\n" + "\n".join(rows).replace("\n\n\n", "\n\n") + f"\n{END}{tail}")


if __name__ == "__main__":
    main()
