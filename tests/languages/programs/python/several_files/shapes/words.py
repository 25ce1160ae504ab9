from .rectangle import Rectangle


def greeting():
    return f"Hello from {Rectangle and 'below'}"
