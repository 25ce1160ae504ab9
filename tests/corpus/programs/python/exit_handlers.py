import atexit
import sys
import threading
import weakref


class Thing:
    def __del__(self):
        print("finalised", flush=True)


thing = Thing()
weakref.finalize(thing, print, "weakly")
atexit.register(print, "first registered")
atexit.register(lambda: print("last registered"))
late = threading.Thread(target=lambda: (threading.Event().wait(0.05), print("thread ends")))
late.start()
print("main ends")
sys.exit("a message for stderr")
