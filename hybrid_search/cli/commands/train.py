"""The commands that train an embedder on somebody's own pictures: `train joint`, `head` and `autoencoder`."""

from __future__ import annotations

from hybrid_search.cli.commands.train_autoencoder import autoencoder
from hybrid_search.cli.commands.train_head import head
from hybrid_search.cli.commands.train_joint import joint
from hybrid_search.cli.output.help_pages import Program

app = Program(name="train", help="Train an embedder on your own pictures, captions and labels.")


@app.callback()
def train() -> None:
    """Train an embedder on your own pictures, captions and labels."""


app.command("joint")(joint)
app.command("head")(head)
app.command("autoencoder")(autoencoder)
