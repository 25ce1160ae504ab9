import asyncio
import concurrent.futures
import queue
import sys
import threading

box = queue.Queue()
threads = [threading.Thread(target=lambda n=n: box.put(sum(range(n * 1000)))) for n in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(box.get() for _ in threads))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(list(pool.map(lambda n: n ** 3, range(10))))


async def main():
    async def one(n):
        await asyncio.sleep(0.01 * n)
        return n * n

    print(await asyncio.gather(*(one(n) for n in range(4))))
    child = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1, stdout=-1)
    print(await child.communicate("über cat\n".encode()))


asyncio.run(main())


def failing():
    raise RuntimeError("in a thread")


sys.stdout.flush()
thread = threading.Thread(target=failing, name="worker-7")
thread.start()
thread.join()
print("main goes on")
