"""The one exception whose message is written for the person at the keyboard."""


class UserError(Exception):
    """Something the user can put right; the message says what is wrong and what to do next."""
