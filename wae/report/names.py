"""File and element names made from text that may hold anything."""

import hashlib
import re


def slug(text: str) -> str:
    """``text`` as a file name or element id: letters, digits, dot, dash, underscore.

    Text that needs replacing gets a digest, so that different texts never share a name.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")
    if safe == text:
        return text
    return f"{safe or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
