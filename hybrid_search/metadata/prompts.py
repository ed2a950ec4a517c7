"""What an image generator was asked for: the prompt in the texts that such programs leave in their pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_PROMPT = 8 * 2**20
"""Characters of a generator's text that are read: a workflow may hold pictures, too."""
MAX_NODES = 20_000
"""Nodes of a workflow that are read."""

_SETTINGS = re.compile(r"(?:^|\n)(?:Negative prompt:|Steps: \d+, )")
_NEGATIVE = re.compile(r"negative|\buc\b", re.IGNORECASE)
_TEXT_NODE = re.compile(r"text|prompt|string|primitive|wildcard|caption", re.IGNORECASE)
_TEXT_INPUT = re.compile(r"text|prompt|string|value|t5xxl|clip_[lg]$|caption", re.IGNORECASE)
_CHOICES = frozenset("enable disable fixed randomize increment decrement none true false auto default".split())
_KEYS = ("positive_prompt", "prompt", "Prompt", "full_prompt", "c")
_INSIDE = ("sui_image_params", "image", "meta", "params")


def read_prompt(text: str, *, certain: bool = False) -> str:
    r"""Return the prompt that a generator's text holds, "" when the text is not of a generator.

    Parameters
    ----------
    text : str
        As Automatic1111, ComfyUI, InvokeAI, NovelAI, Fooocus and others write it.
    certain : bool
        That the text is a generator's, by where it was found, so that one without settings is the prompt itself.

    Examples
    --------
    >>> read_prompt("a lighthouse\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a")
    'a lighthouse'
    >>> read_prompt("a lighthouse, by my sister")
    ''
    """
    text = text.strip()
    if text[:1] in ("{", "["):
        return _of_json(text)
    settings = _SETTINGS.search(text)
    if settings is not None and "Steps: " in text:
        return text[: settings.start()].strip()
    if not certain:
        return ""
    return text.partition("\nNegative prompt:")[0].strip()


def _of_json(text: str) -> str:
    try:
        content: Any = json.loads(text) if len(text) <= MAX_PROMPT else None
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict):
        return ""
    nodes = _nodes(content)
    return "\n".join(dict.fromkeys(_wanted_texts(nodes))) if nodes else _named(content)


def _named(content: Mapping[str, Any], depth: int = 3) -> str:
    """Return a prompt that stands under a name of its own."""
    for key in _KEYS:
        value = content.get(key)
        if isinstance(value, list):
            # InvokeAI's first format: a list of weighted prompts
            value = "\n".join(str(each["prompt"]) for each in value if isinstance(each, dict) and "prompt" in each)
        if isinstance(value, str) and value.strip():
            return value.strip() if value.lstrip()[:1] != "{" else ""
    inner = (content[key] for key in _INSIDE if isinstance(content.get(key), dict))
    return next((found for each in inner if depth and (found := _named(each, depth - 1))), "")


@dataclass
class _PromptNode:
    """One node of a ComfyUI graph: its own texts, and the nodes that feed it, by whether they do so as negative."""

    texts: list[str] = field(default_factory=list)
    feeds: list[tuple[bool, str]] = field(default_factory=list)


def _nodes(content: Mapping[str, Any]) -> dict[str, _PromptNode]:
    """Return the nodes of a graph as ComfyUI runs it ("prompt") or shows it ("workflow"), {} when it is neither."""
    shown = content.get("nodes")
    if isinstance(shown, list):
        return dict(_shown_nodes(shown[:MAX_NODES], content.get("links")))
    run = [(id, node) for id, node in content.items() if isinstance(node, dict) and "class_type" in node]
    return {id: _run_node(node) for id, node in run[:MAX_NODES]}


def _run_node(node: Mapping[str, Any]) -> _PromptNode:
    inputs = node.get("inputs")
    read = _PromptNode()
    for name, value in inputs.items() if isinstance(inputs, dict) else ():
        if isinstance(value, list) and len(value) == 2:
            read.feeds.append((bool(_NEGATIVE.search(name)), str(value[0])))
        elif isinstance(value, str) and _TEXT_NODE.search(str(node["class_type"])) and _TEXT_INPUT.search(name):
            if not _NEGATIVE.search(name):
                read.texts.append(value)
    return read


def _shown_nodes(nodes: list[Any], links: object) -> Iterator[tuple[str, _PromptNode]]:
    origins = {
        str(link[0]): str(link[1])
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, list) and len(link) >= 2
    }
    for node in nodes:
        if not isinstance(node, dict) or node.get("mode") in (2, 4):
            # muted, and passed by
            continue
        read, widgets, inputs = _PromptNode(), node.get("widgets_values"), node.get("inputs")
        values: Iterable[Any] = widgets.values() if isinstance(widgets, dict) else widgets or ()
        if _TEXT_NODE.search(str(node.get("type"))) and isinstance(values, Iterable):
            read.texts += [each for each in values if isinstance(each, str) and each.lower() not in _CHOICES]
        for each in inputs if isinstance(inputs, list) else ():
            if isinstance(each, dict) and str(each.get("link")) in origins:
                negative = bool(_NEGATIVE.search(str(each.get("name"))))
                read.feeds.append((negative, origins[str(each["link"])]))
        yield str(node.get("id")), read


def _wanted_texts(nodes: Mapping[str, _PromptNode]) -> Iterator[str]:
    """Yield the texts of a graph that say what to show, without those that say only what to avoid."""
    wanted, avoided = (_upstream(nodes, negative=negative) for negative in (False, True))
    for id, node in nodes.items():
        if id in wanted or id not in avoided:
            yield from (text.strip() for text in node.texts if any(map(str.isalpha, text)))


def _upstream(nodes: Mapping[str, _PromptNode], *, negative: bool) -> set[str]:
    """Return the nodes whose output reaches an input, of those that have a negative one, on this side of it alone."""
    sampled = [node for node in nodes.values() if any(is_negative for is_negative, _ in node.feeds)]
    pending = [origin for node in sampled for is_negative, origin in node.feeds if is_negative is negative]
    found: set[str] = set()
    while pending:
        id = pending.pop()
        if id in found or id not in nodes:
            continue
        found.add(id)
        feeds = nodes[id].feeds
        split = any(is_negative for is_negative, _ in feeds)
        pending += [origin for is_negative, origin in feeds if not split or is_negative is negative]
    return found
