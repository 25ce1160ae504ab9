import errno, os, sys
print("attempt", flush=True)
# 42: no limit of files ended it.
try:
    for made in range(32_768):
        os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
except OSError as error:
    print(made, error)
    sys.exit(0 if error.errno == errno.ENOSPC else 42)
sys.exit(42)
