"""How a person walks through the pages: answers what is asked, reads the SMS on a phone, uses keys alone."""

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browsers import assert_good
from tests.messaging.simulated import Simulator

LONGEST_QUESTIONNAIRE = 30
LONGEST_WAY_BY_TAB = 120


def go_on(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()


def choose(page: Page, question: str, answer: str) -> None:
    page.get_by_role("group", name=question).get_by_label(answer, exact=True).check()


def answer_questionnaire(page: Page, button: str | re.Pattern[str], *, looks: bool = True) -> None:
    """Some allowed answer to each question, page by page, until it is sent in."""
    for _page in range(LONGEST_QUESTIONNAIRE):
        if page.url.endswith(("/thanks/", "/done/")):
            return
        if looks:
            assert_good(page)
        for group in page.locator("main fieldset").all():
            group.get_by_role("radio").or_(group.get_by_role("checkbox")).last.check()
        for field in page.locator("main input[inputmode]").all():
            field.fill("50")
        page.get_by_role("button", name=button).click()
    raise AssertionError("The questionnaire did not end.")


@dataclass
class Phone:
    """A fictional phone, held in a browser on the simulator's pages."""

    page: Page
    simulator: Simulator
    number: str

    def read(self) -> str:
        """The latest SMS."""
        self.page.goto(self.simulator.url)
        assert_good(self.page)
        self.page.get_by_role("link", name=self.number).click()
        assert_good(self.page)
        return self.conversation.get_by_role("listitem").first.inner_text()

    def code(self) -> str:
        """The code in the latest SMS."""
        found = re.search(r"\b\d{6}\b", self.read())
        assert found, "There is no code in it."
        return found[0]

    def answer(self, text: str) -> None:
        self.page.get_by_label("Answer from this phone").fill(text)
        self.page.get_by_role("button", name="Send").click()
        expect(self.conversation.get_by_text(text, exact=True)).to_be_visible()

    @property
    def conversation(self):
        return self.page.frame_locator("iframe")


@dataclass
class Keys:
    """Somebody without a mouse: Tab, arrows, space, Enter and what is typed."""

    page: Page

    def reach(self, wanted: Locator) -> None:
        expect(wanted).to_be_visible()
        for _press in range(LONGEST_WAY_BY_TAB):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {wanted}.")

    def press(self, wanted: Locator) -> None:
        """Follow a link or press a button; the page that was asked for has come."""
        self.reach(wanted)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def pick(self, wanted: Locator, group: Locator) -> None:
        """One choice of several: Tab to the group, arrows within it."""
        radios = group.get_by_role("radio")
        self.reach(radios.first)
        self.page.keyboard.press("Space")
        for _press in range(radios.count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"The arrows do not lead to {wanted}.")

    def tick(self, wanted: Locator) -> None:
        self.reach(wanted)
        self.page.keyboard.press("Space")
        expect(wanted).to_be_checked()

    def write(self, wanted: Locator, text: str) -> None:
        self.reach(wanted)
        self.page.keyboard.type(text)

    def answer_questionnaire(self, button: re.Pattern[str]) -> None:
        """The last choice of each question, until it is sent in."""
        for _page in range(LONGEST_QUESTIONNAIRE):
            if self.page.url.endswith("/thanks/"):
                return
            for group in self.page.locator("main fieldset").all():
                self._answer(group)
            for field in self.page.locator("main input[inputmode]").all():
                self.write(field, "50")
            self.press(self.page.get_by_role("button", name=button))
        raise AssertionError("The questionnaire did not end.")

    def _answer(self, group: Locator) -> None:
        if group.get_by_role("radio").count():
            self.pick(group.get_by_role("radio").last, group)
        else:
            self.tick(group.get_by_role("checkbox").last)
