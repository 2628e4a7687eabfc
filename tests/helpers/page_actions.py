"""What visitors do on the page, in a real browser, and what they may expect to see on it."""

from pathlib import Path

JOB_MS = 600_000


def pick_example(page, name: str) -> None:
    page.locator("#examples").get_by_role("button", name=name).click()
    page.locator("#crop img").wait_for()


def choose(page, preset: str) -> None:
    page.locator("#preset label", has_text=preset).click()


def set_steps(page, steps: int) -> None:
    page.locator("#advanced > button").click()
    page.get_by_label("Steps").fill(str(steps))
    page.keyboard.press("Tab")


def open_tab(page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def wait_for_change(page, selector: str, old: str | None) -> str:
    page.wait_for_function(
        "([selector, old]) => { const image = document.querySelector(selector); return image && image.src !== old }",
        arg=[selector, old],
        timeout=JOB_MS,
    )
    return page.locator(selector).first.get_attribute("src")


def press_adapt(page) -> None:
    page.get_by_role("button", name="Adapt", exact=True).click()


def wait_for_preview(page, other_than: str | None = None) -> str:
    return wait_for_change(page, "#live img", other_than)


def wait_for_results(page) -> None:
    page.locator("#orbit video").wait_for(timeout=JOB_MS)
    page.get_by_role("button", name="Adapt", exact=True).wait_for()


def download(page, button: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(button).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def press_every_control(page) -> None:
    """Press what stands beside a result; ends in Explore."""
    before = page.locator("#slider .over").get_attribute("src")
    page.locator("#strength input[type=range]").press("ArrowLeft")
    wait_for_change(page, "#slider .over", before)
    before = page.locator("#grid img").get_attribute("src")
    page.locator("#more-people").click()
    wait_for_change(page, "#grid img", before)
    page.locator("#again").click()
    page.get_by_role("button", name="Adapting…").wait_for()
    wait_for_results(page)
    assert page.locator("#note .problem").count() == 0
    page.locator("#open-explore").click()
    page.wait_for_function("document.querySelector('#world input')?.value?.includes('(yours)')")
    page.locator("#view img").first.wait_for()


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def press_every_control_of_explore(page, problems: str = ".notice.problem") -> None:
    """Turn, and make a video and a sheet; no place that the selector names may show a problem."""
    page.locator("#view img").first.wait_for()
    target = "#view figure:nth-of-type(2) img"
    for slider in ("#yaw", "#pitch", "#zoom"):
        page.wait_for_timeout(500)
        before = page.locator(target).get_attribute("src")
        page.locator(f"{slider} input[type=range]").press("ArrowRight")
        wait_for_change(page, target, before)
    for button, made in (("#explore-orbit", "#film video"), ("#explore-grid", "#sheet img")):
        page.locator(button).click()
        page.locator(made).wait_for(timeout=JOB_MS)
    assert page.locator(problems).count() == 0


CONTRASTS = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = element => {
    for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (element.closest('button:disabled, script, style')) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const [a, b] = [luminance(rgba(style.color)), luminance(background(element))].sort((p, q) => q - p);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  }
  return poor;
}
"""


UNDESCRIBED = (
    "[...document.images].filter(image => !image.alt && image.checkVisibility()).map(image => image.outerHTML)"
)
