import pytest

import browser as chromium
from fake_api import FakeApi
from old import without


@pytest.fixture(scope="session")
def browser():
    program = chromium.find_chromium()
    if program is None:
        pytest.skip("chromium is not installed (Debian: chromium)")
    browser = chromium.Browser(program)
    yield browser
    browser.close()


@pytest.fixture
def visitor(browser):
    """A visitor with the oldest browser that the pages work in; at the end
    none of them may have complained."""
    visitor = chromium.Visitor(browser, before=without())
    yield visitor
    complaints = [c for tab in visitor.tabs for c in tab.complaints()]
    visitor.close()
    assert complaints == []


@pytest.fixture
def api():
    api = FakeApi()
    yield api
    api.close()


@pytest.fixture
def tab(visitor, api):
    return visitor.open(api.url)
