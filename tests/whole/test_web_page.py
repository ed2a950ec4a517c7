"""The page in a real browser: searched, filtered and looked at, without an error and without a request elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.web import SCRIPT, Served, served

pytest.importorskip("starlette", reason="the page needs hybrid-search[web]")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="a browser is driven by playwright, which is not installed"
)

CHROMIUM = os.environ.get("HYBRID_SEARCH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium")
WAIT_MS = 10_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("pictures")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, site: Served) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    own = (f"http://127.0.0.1:{site.port}/", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else wrong.append(request.url))
    page.goto(f"http://127.0.0.1:{site.port}/")
    page.wait_for_selector(".tile")
    yield page
    context.close()
    assert wrong == []


def shows(page: Any, number: int) -> None:
    playwright.expect(page.locator(".tile")).to_have_count(number)


def test_words_chip_filter_and_back(page: Any) -> None:
    shows(page, 12)
    page.keyboard.press("/")
    page.keyboard.type("boat Nikon")
    page.keyboard.press("Enter")
    shows(page, 2)
    assert "q=boat+Nikon" in page.url
    chip = page.locator("#chips .chip", has_text="the camera Nikon")
    chip.click()
    playwright.expect(page.locator("#box")).to_have_value('boat "Nikon"')
    playwright.expect(page.locator("#chips .chip")).to_have_count(0)
    page.go_back()
    shows(page, 2)
    page.go_back()
    shows(page, 12)
    page.locator("#facets .value", has_text="sea").click()
    shows(page, 6)
    assert page.locator("#facets .value[aria-pressed=true]").inner_text().split() == ["sea", "6"]
    page.locator("#facets .value[aria-pressed=true]").click()
    shows(page, 12)


def test_picture_by_keyboard(page: Any) -> None:
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#viewer[open] .facts dl")
    assert page.locator(".facts h1").inner_text() == "a boat number 10"
    page.wait_for_selector(".facts .strip img")
    page.keyboard.press("ArrowRight")
    playwright.expect(page.locator(".facts h1")).to_have_text("a dog number 9")
    page.reload()
    playwright.expect(page.locator(".facts h1")).to_have_text("a dog number 9")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert "view=" not in page.url


def test_picture_that_is_chosen_finds_itself(page: Any, site: Served) -> None:
    page.set_input_files("#file", str(site.folder / "picture-7.png"))
    page.wait_for_selector("#example:visible")
    playwright.expect(page.locator(".tile").first).to_have_attribute("aria-label", "a dog number 7")
    page.locator("#example-off").click()
    shows(page, 12)


def test_texts_are_shown_as_they_are(page: Any) -> None:
    assert page.locator(".tile").first.get_attribute("aria-label") == SCRIPT
    page.locator(".tile").first.click()
    page.wait_for_selector("#viewer[open] .facts dl")
    assert page.locator(".facts h1").inner_text() == SCRIPT
    assert page.locator('img[src="x"]').count() == 0
    assert page.title() == "hybrid-search"


def test_request_is_shown(page: Any) -> None:
    page.locator("#status button").click()
    playwright.expect(page.locator("#request pre")).to_contain_text('"query"')


def test_phone_has_no_sideways_scroll(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.locator("#show-facets").click()
    page.wait_for_selector("#facets .value:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
