"""The page of a run in a real browser."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def shown(browser, kept):
    browser.open(f"file://{kept}/report.html")
    return browser


def visible(browser) -> tuple[int, int]:
    begin, end = browser.run("const d = document.getElementById('timeline').dataset; return [d.from, d.to]")
    return int(begin), int(end)


def settled(browser) -> None:
    """Two frames: what was asked to be drawn is."""
    browser.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def colours(browser) -> int:
    """Different colours on the timeline."""
    settled(browser)
    return browser.run(
        """
        const canvas = document.getElementById("timeline");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
        """
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_loads_by_itself_and_fits(browser, kept, scheme, width):
    browser.open(f"file://{kept}/report.html", width, 900, scheme)
    assert colours(browser) > 20
    assert browser.run("return [...document.images].map((image) => image.naturalWidth > 0)") == [True] * 5
    assert browser.log == []
    assert [r for r in browser.requests if not r.startswith("data:")] == [f"file://{kept}/report.html"]
    assert browser.run("return document.documentElement.scrollWidth") <= width
    background = browser.run("return getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(n) for n in background.removeprefix("rgb(").removesuffix(")").split(",")) / 3
    assert (brightness > 200) if scheme == "light" else (brightness < 60)


def test_wheel_and_drag_zoom_the_timeline(shown):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    canvas = shown.driver.find_element("id", "timeline")
    whole = visible(shown)
    shown.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(shown.driver).scroll_from_origin(ScrollOrigin.from_element(canvas), 0, -100).perform()
    wheeled = visible(shown)
    assert whole[0] < wheeled[0] < wheeled[1] < whole[1]
    drag = ActionChains(shown.driver).move_to_element(canvas).click_and_hold().move_by_offset(100, 0)
    drag.release().perform()
    dragged = visible(shown)
    assert wheeled[0] < dragged[0] < dragged[1] < wheeled[1]
    per_pixel = (wheeled[1] - wheeled[0]) / shown.run(
        "const c = document.getElementById('timeline'); return c.clientWidth"
    )
    assert dragged[1] - dragged[0] == pytest.approx(
        100 * per_pixel, rel=0.15
    )  # names take a part of the width
    shown.driver.find_element("id", "reset").click()
    assert visible(shown) == whole
    assert shown.log == []


def test_a_layer_can_be_picked_and_a_call_asked(shown):
    from selenium.webdriver.common.action_chains import ActionChains

    shown.run(
        "const box = document.getElementById('layer'); box.value = '1'; box.dispatchEvent(new Event('change'))"
    )
    begin, end = visible(shown)
    assert shown.run("return document.getElementById('layer').selectedOptions[0].textContent") == "layers.0"
    # a scan of the forward direction, in the ssm's lane, the sixth of 26 pixels below an axis of 22
    data = "JSON.parse(document.getElementById('timeline-data').textContent)"
    at, length = shown.run(
        f"const d = {data}, c = d.calls.find((c) => d.names[c[5]] === 'layers.0.forward.scan'); return [c[2], c[3]]"
    )
    assert begin < at < at + length < end
    canvas = shown.driver.find_element("id", "timeline")
    width, height = canvas.size["width"], canvas.size["height"]
    left = shown.run("return Number(document.getElementById('timeline').dataset.left)")
    x = left + (at + length / 2 - begin) / (end - begin) * (width - left)
    point = (round(x - width / 2), round(22 + 5 * 26 + 13 - height / 2))
    shown.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    ActionChains(shown.driver).move_to_element_with_offset(canvas, *point).perform()
    tip = shown.driver.find_element("id", "tip")
    assert tip.is_displayed()
    assert tip.text.startswith("layers.0.forward.scan: Scan on ssm")
    assert "cycles" in tip.text
    ActionChains(shown.driver).click().perform()
    detail = shown.driver.find_element("id", "detail")
    assert "ssm.in_delta" in detail.text
    assert len(detail.find_elements("css selector", "svg")) == 8  # a profile for each port


def test_tables_sort(shown):
    def column(table: int, index: int) -> list[str]:
        cells = "[...document.querySelectorAll('table.sortable')[arguments[0]].tBodies[0].rows]"
        return shown.run(f"return {cells}.map((row) => row.cells[arguments[1]].dataset.value)", table, index)

    def click(table: int, index: int) -> None:
        buttons = (
            "document.querySelectorAll('table.sortable')[arguments[0]].tHead.rows[0].cells[arguments[1]]"
        )
        shown.run(f"{buttons}.querySelector('button').click()", table, index)

    before = column(0, 2)
    click(0, 2)
    assert [float(v) for v in column(0, 2)] == sorted(map(float, before), reverse=True)
    click(0, 2)
    assert [float(v) for v in column(0, 2)] == sorted(map(float, before))
    click(0, 0)
    assert column(0, 0) == sorted(column(0, 0))
    click(0, 1)
    assert column(0, 1)[-1] == ""  # the host has no calls


def test_values_of_the_platform_are_found(shown):
    shown.run(
        "document.querySelector('details').open = true; const box = document.getElementById('filter');"
        "box.value = 'linear tile'; box.dispatchEvent(new Event('input'))"
    )
    rows = [
        row.text
        for row in shown.driver.find_elements("css selector", "#values tbody tr")
        if row.is_displayed()
    ]
    (row,) = rows
    assert row.startswith("components.linear.tile 16 ")
    assert "zcu102.yaml:" in row
