"""How many of something, in words."""


def counted(number: int, word: str, words: str = "") -> str:
    """`1 file`, `2 files`; `words` where more than one is not the word with an s."""
    return f"{number} {word}" if number == 1 else f"{number} {words or f'{word}s'}"
