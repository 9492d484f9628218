"""What is done while something fails. A scenario is a function of a visit; it
is also run where nothing fails, and then must go as written there."""

import scenarios_articles
import scenarios_model
import scenarios_owner
import scenarios_start
from scenario import SCENARIOS, WORDS, fill

__all__ = ["SCENARIOS", "WORDS", "fill", "scenarios_articles",
           "scenarios_model", "scenarios_owner", "scenarios_start"]
