"""Threads started after counting began through threading and a generator that several threads go on with."""
import concurrent.futures
import queue
import threading


def work(n):
    total = 0
    for i in range(n):
        total += i
    return total


class Worker(threading.Thread):
    def run(self):
        for n in iter(jobs.get, None):
            done.put(
                work(n)
            )


def shared():
    for n in range(30):
        yield threading.current_thread().name and n


def consume(generator, lock, out):
    while True:
        with lock:
            try:
                out.append(next(generator))
            except StopIteration:
                break


def nested(depth):
    if depth:
        thread = threading.Thread(target=nested, args=(depth - 1,))
        thread.start()
        thread.join()


jobs, done = queue.Queue(), queue.Queue()
workers = [Worker() for _ in range(3)]
for worker in workers: worker.start()
for n in range(40):
    jobs.put(n)
for _ in workers: jobs.put(None)
for worker in workers: worker.join()
print(sorted(done.get() for _ in range(40))[-3:])

with concurrent.futures.ThreadPoolExecutor(3) as pool:
    print(sum(pool.map(work, range(20))), pool.submit(lambda: work(3)).result())

generator, lock, out = shared(), threading.Lock(), []
threads = [threading.Thread(target=consume, args=(generator, lock, out)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(out) == list(range(30)))
nested(5)
timer = threading.Timer(0.001, lambda: print("timer"))
timer.start()
timer.join()
