"""The error of bad input: every problem found, at once."""

from collections.abc import Iterable


class WorkloadError(ValueError):
    """Input that cannot be used; `messages` holds a line per problem: place, rule, finding."""

    def __init__(self, messages: str | Iterable[str]):
        self.messages = [messages] if isinstance(messages, str) else list(messages)
        super().__init__("\n".join(self.messages))
