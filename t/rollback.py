# SPDX-License-Identifier: MIT
"""What steps do to their files, made up from a seed, and what is there.

rollback.py effects SEED N   changes workspace, home and /tmp
rollback.py manifest         prints a line for everything in the three

Both run in a box.  The manifest leaves out what no layer can promise: times
of access and of status change, size and link count of folders.
"""
import hashlib
import os
import random
import shutil
import socket
import stat
import subprocess
import sys


def roots():
    return [os.getcwd(), os.environ["HOME"], "/tmp"]


class Effects:
    """Each effect_* makes one change; it may find that it cannot."""

    def __init__(self, seed):
        self.rnd = random.Random(seed)
        self.seed = seed
        self.count = 0

    def new(self, kind):
        self.count += 1
        root = self.rnd.choice(roots())
        return os.path.join(root, "%s-%s-%d" % (kind, self.seed, self.count))

    def pick(self, test):
        found = []
        for root in roots():
            for top, dirs, files in os.walk(root):
                dirs[:] = sorted(d for d in dirs if d != ".git")
                found += [os.path.join(top, n) for n in sorted(dirs + files)]
        found = [p for p in sorted(found) if test(p)
                 and os.path.basename(p) != ".tellus.yml"
                 and len(os.fsencode(os.path.basename(p))) < 200]
        return self.rnd.choice(found) if found else self.effect_create()

    def a_file(self):
        return self.pick(lambda p: os.path.isfile(p)
                         and not os.path.islink(p) and os.access(p, 6))

    def a_folder(self):
        path = self.pick(lambda p: os.path.isdir(p) and not os.path.islink(p)
                         and os.access(p, 7))
        if not os.path.isdir(path):
            path = self.effect_folder()
        return path

    def bytes(self, size):
        return self.rnd.getrandbits(8 * size).to_bytes(size, "big")

    def effect_create(self):
        path = self.new("file")
        with open(path, "wb") as f:
            f.write(self.bytes(self.rnd.randint(1, 9000)))
        return path

    def effect_folder(self):
        path = self.new("folder")
        os.makedirs(path + "/sub/empty")
        with open(path + "/sub/file", "w") as f:
            f.write(path)
        return path

    def effect_overwrite(self):
        with open(self.a_file(), "wb") as f:
            f.write(self.bytes(100))

    def effect_append(self):
        with open(self.a_file(), "ab") as f:
            f.write(b"more\n")

    def effect_truncate(self):
        path = self.a_file()
        os.truncate(path, os.stat(path).st_size // 2)

    def effect_sparse(self):
        with open(self.new("sparse"), "wb") as f:
            f.seek(5 << 20)
            f.write(b"end")
            f.truncate(9 << 20)

    def effect_big(self):
        with open(self.new("big"), "wb") as f:
            f.write(self.bytes(1 << 20) * 6)

    def effect_chmod(self):
        os.chmod(self.a_file(), self.rnd.choice(
            [0o600, 0o755, 0o444, 0o1644, 0o2755, 0o640]))

    def effect_chmod_folder(self):
        os.chmod(self.a_folder(), self.rnd.choice(
            [0o700, 0o1777, 0o2775, 0o755]))

    def effect_time(self):
        ns = self.rnd.randint(10 ** 17, 2 * 10 ** 18)
        os.utime(self.a_file(), ns=(ns, ns))

    def effect_time_link(self):
        path = self.effect_symlink()
        ns = self.rnd.randint(10 ** 17, 2 * 10 ** 18)
        os.utime(path, ns=(ns, ns), follow_symlinks=False)

    def effect_symlink(self):
        path = self.new("link")
        os.symlink(self.rnd.choice(
            ["nowhere", "/usr/bin/env", "..", ".", "file"]), path)
        return path

    def effect_hardlink(self):
        path = self.a_file()
        os.link(path, "%s-hard%d" % (path, self.count))
        self.count += 1

    def effect_rename(self):
        path = self.a_file()
        os.rename(path, os.path.join(os.path.dirname(path),
                                     os.path.basename(self.new("moved"))))

    def effect_rename_folder(self):
        path = self.a_folder()
        subprocess.run(["mv", path, os.path.join(
            os.path.dirname(path), os.path.basename(self.new("mv")))],
            check=True)

    def effect_delete(self):
        os.unlink(self.a_file())

    def remove_folder(self):
        path = self.a_folder()
        subprocess.run(["chmod", "-R", "u+rwX", path], check=True)
        shutil.rmtree(path)
        return path

    def effect_delete_folder(self):
        self.remove_folder()

    def effect_file_for_folder(self):
        with open(self.remove_folder(), "w") as f:
            f.write("was a folder")

    def effect_folder_for_file(self):
        path = self.a_file()
        os.unlink(path)
        os.mkdir(path)
        open(path + "/inside", "w").close()

    def effect_opaque(self):
        path = self.remove_folder()
        os.mkdir(path)
        with open(path + "/only", "w") as f:
            f.write("only")

    def effect_xattr(self):
        os.setxattr(self.a_file(), "user.t%d" % self.count, self.bytes(40))

    def effect_xattr_folder(self):
        os.setxattr(self.a_folder(), "user.t%d" % self.count, b"folder")

    def effect_fifo(self):
        os.mkfifo(self.new("fifo"), 0o640)

    def effect_socket(self):
        path = self.new("sock")
        if len(path) < 100:
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(path)

    def effect_name(self):
        base = os.fsencode(self.new("name"))
        tail = self.rnd.choice([b"\n x", b"\xff\xfe", b" \t'\"$`\\", b"long"])
        if tail == b"long":
            base += b"l" * (255 - len(os.path.basename(base)))
            tail = b""
        with open(base + tail, "w") as f:
            f.write("name")

    def effect_deep(self):
        home = os.getcwd()
        top = self.new("deep")
        os.mkdir(top)
        os.chdir(top)
        for _ in range(18):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        with open("bottom", "w") as f:
            f.write("deep")
        os.chdir(home)

    def effect_many(self):
        top = self.new("many")
        os.mkdir(top)
        for i in range(200):
            with open("%s/%d" % (top, i), "w") as f:
                f.write(str(i))

    def effect_unreadable(self):
        os.chmod(self.effect_create(), 0)

    def effect_closed(self):
        os.chmod(self.effect_folder(), 0)

    def effect_commit(self):
        self.count += 1
        name = "committed-%s-%d" % (self.seed, self.count)
        with open(name, "w") as f:
            f.write(name)
        for args in (["add", name], ["commit", "-qm", "a step's"]):
            subprocess.run(["git", "-c", "user.name=t", "-c",
                            "user.email=t@example.org"] + args, check=True)

    def run(self, n):
        kinds = sorted(k for k in dir(self) if k.startswith("effect_"))
        todo = []
        while len(todo) < n:
            self.rnd.shuffle(kinds)
            todo += kinds
        for kind in todo[:n]:
            try:
                getattr(self, kind)()
            except Exception as e:
                raise SystemExit("seed %s: %s: %r" % (self.seed, kind, e))


def content(name, st, dirfd):
    if stat.S_ISLNK(st.st_mode):
        return os.fsencode(os.readlink(name, dir_fd=dirfd))
    if not stat.S_ISREG(st.st_mode):
        return b"-"
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=dirfd)
    except PermissionError:
        return b"unreadable"
    digest = hashlib.sha256()
    with open(fd, "rb") as f:
        for part in iter(lambda: f.read(1 << 20), b""):
            digest.update(part)
        attrs = [(a, os.getxattr(f.fileno(), a).hex())
                 for a in sorted(os.listxattr(f.fileno()))
                 if a.startswith("user.")]
    return ("%s %r" % (digest.hexdigest(), attrs)).encode()


def show(path, name, dirfd):
    st = os.stat(name, dir_fd=dirfd, follow_symlinks=False)
    line = "%r %o %d.%d %d" % (path, st.st_mode, st.st_uid, st.st_gid,
                               st.st_mtime_ns)
    if not stat.S_ISDIR(st.st_mode):
        print(line, st.st_size, st.st_nlink, content(name, st, dirfd))
        return
    try:
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW,
                     dir_fd=dirfd)
    except PermissionError:
        print(line, "closed")
        return
    print(line, [(a, os.getxattr(fd, a)) for a in sorted(os.listxattr(fd))
                 if a.startswith("user.")])
    for entry in sorted(os.listdir(os.fsencode("/proc/self/fd/%d" % fd))):
        show(path + b"/" + entry, entry, fd)
    os.close(fd)


if __name__ == "__main__":
    if sys.argv[1] == "effects":
        Effects(sys.argv[2]).run(int(sys.argv[3]))
    else:
        for root in roots():
            show(os.fsencode(root), root, None)
