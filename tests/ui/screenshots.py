"""Pictures of every view in both languages, of the real page with the real models, for docs/ and README.

    make screenshots        (or: python -m tests.ui.screenshots docs --workspace build/screenshots)

Needs what the browser suite needs, and a font with Chinese (Debian: fonts-noto-cjk, or the small fonts-droid-fallback).
The workspace is filled with a knowledge base and two runs, once: name one to keep them for the next time.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.ui.served import chromium, served

WIDE, NARROW = 1360, 390
LEAST_HEIGHT, MOST_HEIGHT = 760, 1500
PATIENCE = 240_000  # ms
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
QUESTION = {"en": "How fast does sound travel in air?", "zh": "红细胞能活多久？"}
FOLLOW_UP = "And how far away is lightning after nine seconds?"
DOCUMENTS = {
    "leave.md": "# Leave\n\nEverybody has 27 days of leave a year. Up to 5 days may be taken into the next year.",
    "travel.md": "# Travel\n\nTrains are booked in second class. A night away costs at most 120 euros.",
    "休假.md": "# 休假\n\n每人每年有 27 天假期，其中最多 5 天可以转到下一年。",
}
RUNS = {
    "everyday-questions": ("commonsense-en", "plain,augmented,extractive", 40),
    "日常问题": ("commonsense-zh", "plain,extractive", 12),
}


def fill(workspace: Path) -> None:
    """A knowledge base and runs to look at; what is there already stays."""
    documents = workspace / "documents"
    documents.mkdir(parents=True, exist_ok=True)
    for name, words in DOCUMENTS.items():
        (documents / name).write_text(words, encoding="utf-8")
    firmground("index", documents.name, "--kb", workspace / "knowledge" / "handbook", folder=workspace)
    for name, (pack, arms, limit) in RUNS.items():
        out = workspace / "runs" / name
        firmground("compare", "--kb", pack, "--questions", pack, "--arms", arms, "--limit", limit, "--out", out)


def firmground(*arguments: object, folder: Path | None = None) -> None:
    command = [sys.executable, "-m", "firmground.ui.cli", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


class Camera:
    """One browser window, and the folder that its pictures go into."""

    def __init__(self, browser: Any, address: str, folder: Path, language: str, width: int = WIDE) -> None:
        self.folder, self.language, self.width = folder, language, width
        context = browser.new_context(viewport={"width": width, "height": LEAST_HEIGHT}, locale=LOCALES[language])
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(address)
        self.page.locator(".fg-name").wait_for()

    def open(self, number: int) -> str:
        """Open the view by its place in the navigation; returns its name."""
        links = self.page.get_by_test_id("stTopNavLink")
        links.nth(number).click()
        self.settle()
        return re.sub(r".*/", "", self.page.url) or "compare"

    def settle(self) -> None:
        self.page.wait_for_timeout(1500)
        for busy in ("[data-testid=stSpinner]", "[data-testid=stSkeleton]", ".fg-busy", "[data-stale=true]"):
            self.page.wait_for_function(f"document.querySelectorAll('{busy}').length === 0", timeout=PATIENCE)
        self.page.wait_for_timeout(700)

    def ask(self, question: str) -> None:
        example = self.page.locator(".st-key-examples button", has_text=question)
        if example.count():
            example.click()
        else:
            box = self.page.locator(".st-key-question input")
            box.fill(question)
            box.press("Enter")
        self.answered(question)

    def answered(self, question: str) -> None:
        self.page.locator(".fg-asked", has_text=question).wait_for()
        self.page.locator(".fg-evidence").wait_for()
        self.settle()

    def take(self, name: str, most: int = MOST_HEIGHT) -> None:
        """As high as what is on the page, within bounds; in 256 colours, which is a third of the bytes."""
        from PIL import Image

        self.page.mouse.move(5, 5)
        # The page itself scrolls, not the window: it is let out to its height.
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": max(LEAST_HEIGHT, min(most, height))})
        self.page.wait_for_timeout(900)
        file = self.folder / f"screenshot-{name}.png"
        self.page.screenshot(path=str(file))
        Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)
        self.page.set_viewport_size({"width": self.width, "height": LEAST_HEIGHT})
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB", flush=True)


def compare_shots(camera: Camera) -> None:
    """An answer with its evidence opened; in English also a follow-up and the reasons."""
    language, page = camera.language, camera.page
    camera.ask(QUESTION[language])
    page.locator(".fg-card[data-arm]").last.locator("summary").first.click()
    camera.take("page" if language == "en" else "compare-zh", most=1120)
    if language == "zh":
        return
    page.locator(".st-key-under-augmented").get_by_text("Why this answer").click()
    page.get_by_role("dialog").get_by_role("switch").locator("xpath=ancestor::label").click()
    page.get_by_role("dialog").frame_locator("iframe").locator("img").first.wait_for()
    camera.settle()
    camera.take("why-en", most=840)
    page.keyboard.press("Escape")
    page.locator(".st-key-follow-up input").fill(FOLLOW_UP)
    page.keyboard.press("Enter")
    camera.answered(FOLLOW_UP)
    page.locator(".fg-history summary").first.click()
    page.get_by_text("What “augmented” does").click()
    camera.take("follow-up-en")


def view_shots(camera: Camera) -> None:
    """Every other view."""
    page = camera.page
    for number in range(1, page.get_by_test_id("stTopNavLink").count()):
        view = camera.open(number)
        if view == "knowledge":
            page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        if view == "runs":
            page.locator(".st-key-run").get_by_role("combobox").click()
            page.get_by_role("option", name=list(RUNS)[camera.language == "zh"]).click()
            camera.settle()
        camera.take(f"{view}-{camera.language}", most=1250)


def report_shot(browser: Any, workspace: Path, folder: Path) -> None:
    """The report of the first run, as a file opened in a browser."""
    from PIL import Image

    page = browser.new_context(viewport={"width": 1200, "height": 1400}).new_page()
    page.goto((workspace / "runs" / next(iter(RUNS)) / "report.html").as_uri())
    file = folder / "screenshot-report.png"
    page.screenshot(path=str(file))
    Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB", flush=True)


def take_all(folder: Path, workspace: Path) -> None:
    fill(workspace)
    with served(f"--workspace={workspace}") as (address, _), chromium() as (browser,):
        report_shot(browser, workspace, folder)
        for language in LOCALES:
            camera = Camera(browser, address, folder, language)
            compare_shots(camera)
            view_shots(camera)
        narrow = Camera(browser, address, folder, "zh", NARROW)
        narrow.ask(QUESTION["zh"])
        narrow.take("narrow-zh", most=1600)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workspace", type=Path, help="kept; without it, a temporary one is filled anew")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.workspace:
        take_all(options.folder, options.workspace.resolve())
    else:
        with tempfile.TemporaryDirectory() as space:
            take_all(options.folder, Path(space))


if __name__ == "__main__":
    main()
