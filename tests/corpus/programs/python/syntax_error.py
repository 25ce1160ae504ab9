print("never printed")
def broken(:
    return "ü"
