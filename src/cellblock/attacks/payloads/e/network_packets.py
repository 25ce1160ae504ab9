import sys

print("attempt", flush=True)
# The first number of each line is how many packets a processor has taken in; of its own network it has seen none.
taken = sum(int(line.split()[0], 16) for line in open("/proc/self/net/softnet_stat"))
own = sum(int(line.split()[2]) for line in open("/proc/self/net/dev").readlines()[2:])
print(taken, own)
sys.exit(42 if taken > own else 0)
