"""Counts letters. The task's `context` is a variable here, and what is called `result` is its result."""

from collections import Counter

letters = [character.lower() for character in context["text"] if character.isalpha()]
most, times = Counter(letters).most_common(1)[0]
print(f"{len(letters)} letters; '{most}' comes {times} times")
result = {"count": len(letters), "most": most}
