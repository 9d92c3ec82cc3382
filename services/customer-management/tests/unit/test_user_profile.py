"""What is known of a user's profile, whatever is told in whichever order."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promenade_customer_management.customer.user_profile import ACTIVATED, REGISTERED, UserProfile

WORDS = st.sampled_from([None, "a", "b"])
SEQUENCES = [REGISTERED, ACTIVATED, 1, 2, 3]


def known(*told: UserProfile) -> UserProfile:
    profile = UserProfile()
    for each in told:
        profile = profile.learn(each)
    return profile


def test_the_newest_word_counts() -> None:
    """What is older, or told again, changes nothing."""
    activation = UserProfile.told(ACTIVATED, name="Ada", locale="de")
    newer = UserProfile.told(2, name="Augusta", locale="en", timezone="Europe/London")

    both = known(activation, newer)

    assert (both.name, both.locale, both.timezone) == ("Augusta", "en", "Europe/London")
    assert both.learn(activation) == both.learn(newer) == both
    assert both.learn(UserProfile.told(1, name="Eve")) == both


def test_a_name_is_kept_other_words_are_taken_back() -> None:
    """Who clears his name keeps the last one; a cleared locale is none."""
    before = known(UserProfile.told(1, name="Ada", locale="de", timezone="UTC"))

    after = before.learn(UserProfile.told(2, name=None))

    assert after.news(before) == {"locale": None, "timezone": None}
    assert after.name == "Ada"
    assert after.learn(UserProfile.told(3, name="Eve")).name == "Eve"


def test_the_same_word_is_no_news() -> None:
    """What was changed by hand since is not changed back because the user changed something else."""
    before = known(UserProfile.told(1, name="Ada", locale="de"))

    after = before.learn(UserProfile.told(2, name="Ada", locale="de", timezone="UTC"))

    assert after.news(before) == {"timezone": "UTC"}
    assert before.news(UserProfile()) == {"name": "Ada", "locale": "de"}


def test_a_name_fits_a_customer() -> None:
    """Given and family name together can be longer than any customer's; nothing is no name."""
    assert known(UserProfile.told(1, name="x" * 199 + " yz")).name == "x" * 199
    assert known(UserProfile.told(1, name="")).name is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=5, max_size=5), st.permutations(range(5)), st.data())
def test_the_order_of_telling_does_not_matter(
    words: list[tuple[str | None, str | None, str | None]], order: list[int], data: st.DataObject
) -> None:
    """Late, early or twice: in the end the same is known."""
    told = [
        UserProfile.told(sequence, name=name, locale=locale, timezone=timezone)
        for sequence, (name, locale, timezone) in zip(SEQUENCES, words, strict=True)
    ]
    again = data.draw(st.lists(st.sampled_from(range(5))))

    assert known(*(told[index] for index in [*order, *again])) == known(*told)
