import os

print("attempt", flush=True)
WAYS = ["", "/proc/self/root", "/proc/1/root", "/proc/2/root", "/proc/self/cwd/../../../..", "/..", "/proc/self/fd/0/../.."]


def attempt(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__)


for way in WAYS:
    for place in ["@CANARY_DIR@", "@CANARY_DIR_TWO@", "@CANARY_DIR_THREE@"]:
        attempt(lambda: open(way + place + "/secret").read())
        attempt(lambda: open(way + place + "/open", "a").write("x"))
        attempt(lambda: open(way + place + "/written", "w").write("x"))
        attempt(lambda: os.unlink(way + place + "/open"))
        attempt(lambda: os.chmod(way + place + "/open", 0o777))
        attempt(lambda: os.symlink("/etc/shadow", way + place + "/link"))
        attempt(lambda: os.link("/etc/passwd", way + place + "/hard"))
        attempt(lambda: os.rename("main.py", way + place + "/moved"))
