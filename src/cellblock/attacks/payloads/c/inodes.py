import os
print("attempt", flush=True)
made = 0
while True:
    try:
        os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
    except OSError as error:
        print(made, error)
        break
