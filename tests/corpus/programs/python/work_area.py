import errno
import fcntl
import mmap
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

Path("dir/deeper").mkdir(parents=True)
for number in range(50):
    Path(f"dir/deeper/ünï-{number:02d}.txt").write_text(f"{number}\n" * number)
print(len(sorted(Path("dir").rglob("*.txt"))), sum(p.stat().st_size for p in Path("dir").rglob("*.txt")))
os.symlink("deeper", "dir/link")
os.link("dir/deeper/ünï-01.txt", "hard")
print(os.readlink("dir/link"), os.stat("hard").st_nlink, oct(os.stat("hard").st_mode))
with open("data", "w+b") as file:
    file.truncate(1 << 16)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with mmap.mmap(file.fileno(), 0) as view:
        view[100:105] = b"hello"
    file.seek(100)
    print(file.read(5))
database = sqlite3.connect("rows.db")
database.execute("create table t (n integer, s text)")
database.executemany("insert into t values (?, ?)", [(n, chr(97 + n % 26) * 3) for n in range(1000)])
database.commit()
print(database.execute("select count(*), sum(n), max(s) from t where n % 7 = 0").fetchone())
with tempfile.NamedTemporaryFile() as temporary:
    print(temporary.name.startswith("/tmp/"), Path(temporary.name).exists())
for path in ("/usr/x", "/etc/passwd", "/nonexistent/x"):
    try:
        open(path, "a")
    except OSError as error:
        print(path, errno.errorcode[error.errno] in {"EROFS", "EACCES", "ENOENT"})
shutil.rmtree("dir")
print(sorted(os.listdir(".")))
