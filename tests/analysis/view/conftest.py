"""A headless Chromium, from the distribution, driven by Selenium; tests that need it are marked `browser`."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


class Browser:
    """One window. `log` keeps what the console said, `requests` the addresses that were asked for."""

    def __init__(self, driver: Any):
        self.driver = driver

    def open(self, address: str, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the script, the body of a function, returns; a promise is waited for."""
        text = f"return (async (...arguments) => {{ {script} }})(...arguments)"
        return self.driver.execute_script(text, *arguments)

    @property
    def log(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    @property
    def requests(self) -> list[str]:
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture
def browser(window: Browser) -> Browser:
    """An empty page; what was logged and asked for before is forgotten."""
    window.open("about:blank")
    assert window.log is not None
    assert window.requests is not None
    return window


@contextlib.contextmanager
def started(profile: Path) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("chromium and its chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(driver)
    window = webdriver.Chrome(options, service)
    try:
        window.set_script_timeout(60)
        yield Browser(window)
    finally:
        window.quit()


@pytest.fixture
def run_tlm(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must succeed and say nothing on standard error; returns what it prints."""
    from tlm.__main__ import main

    def run(*arguments: str) -> str:
        assert main([str(a) for a in arguments]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a run of two layers on the shared DDR: 52 calls."""
    from tlm.__main__ import main

    folder = tmp_path_factory.mktemp("kept") / "run"
    sizes = ("--d-model", "64", "--layers", "2", "--image-size", "64", "--classes", "10")
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["run", "zcu102", *sizes, "--no-data", "--out", str(folder)]) == 0
    return str(folder)
